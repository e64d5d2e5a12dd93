package infra

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/compare"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/internal/golden"
	"github.com/kedify/inference-gateway/xds/bootstrap"
)

var testConfig = Config{
	EnvoyImage:   DefaultEnvoyImage,
	ProductImage: "ghcr.io/kedify/inference-gateway:dev",
	XDSAddress:   "kedify-gateway.kedify-system.svc.cluster.local:18000",
}

// goldenInput is what a case asks for.
type goldenInput struct {
	Gateway     types.NamespacedName           `json:"gateway"`
	Class       string                         `json:"class"`
	Labels      map[string]string              `json:"labels"`
	Annotations map[string]string              `json:"annotations"`
	Ports       []resolve.Port                 `json:"ports"`
	Addresses   []gwv1.GatewaySpecAddress      `json:"addresses"`
	Parameters  v1alpha1.GatewayParametersSpec `json:"parameters"`
}

func (in goldenInput) spec() Spec {
	return Spec{
		Gateway: in.Gateway, UID: "11111111-2222-3333-4444-555555555555", ClassName: in.Class, Generation: 1,
		Infrastructure: resolve.Infrastructure{
			Labels: in.Labels, Annotations: in.Annotations, Parameters: in.Parameters, Ports: in.Ports,
		},
		Addresses: in.Addresses,
	}
}

// Each file in testdata is a case: what is asked for, and the objects that come of it.
func TestObjectsGolden(t *testing.T) {
	golden.Run(t, "testdata", func(t *testing.T, c *golden.Case) []golden.Section {
		var in goldenInput
		if err := yaml.UnmarshalStrict(c.Input, &in); err != nil {
			t.Fatal(err)
		}
		return []golden.Section{{Name: "Objects", Body: renderObjects(t, in.spec())}}
	})
}

func renderObjects(t *testing.T, spec Spec) string {
	t.Helper()
	objects, err := Objects(spec, testConfig)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	engine := newEngine(Options{Client: fake.NewClientBuilder().Build()})
	var out bytes.Buffer
	for i, object := range objects {
		desired, err := engine.Configuration(object)
		if err != nil {
			t.Fatal(err)
		}
		hide(desired)
		text, err := yaml.Marshal(desired.Object)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			out.WriteString("---\n")
		}
		out.Write(text)
	}
	return out.String()
}

// hide removes what follows from the rest, and the files that xds/bootstrap has tests of its
// own for: a change there must not rewrite every case here.
func hide(desired *unstructured.Unstructured) {
	unstructured.RemoveNestedField(desired.Object, "metadata", "annotations", compare.Annotation)
	unstructured.RemoveNestedField(desired.Object, "spec", "template", "metadata", "annotations", annotationBootstrap)
	if data, ok := desired.Object["data"].(map[string]any); ok {
		for name := range data {
			data[name] = "(rendered by xds/bootstrap)"
		}
	}
}

func plainSpec() Spec {
	return goldenInput{
		Gateway: types.NamespacedName{Namespace: "shop", Name: "web"}, Class: "kedify",
		Ports: []resolve.Port{{Port: 80, Protocol: corev1.ProtocolTCP}},
	}.spec()
}

func podSpecOf(t *testing.T, spec Spec) corev1.PodTemplateSpec {
	t.Helper()
	boot, err := renderBootstrap(spec, testConfig)
	if err != nil {
		t.Fatal(err)
	}
	template, err := podTemplate(spec, testConfig, boot)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// The families of the Service are those of the parameters, and the ports of the proxies those of the cluster.
func TestFamilies(t *testing.T) {
	spec := plainSpec()
	if plain := service(spec).Spec; plain.IPFamilyPolicy != nil || plain.IPFamilies != nil {
		t.Errorf("nothing was said: %v %v", plain.IPFamilyPolicy, plain.IPFamilies)
	}
	families := []corev1.IPFamily{corev1.IPv6Protocol, corev1.IPv4Protocol}
	spec.Infrastructure.Parameters.Service = &v1alpha1.ServiceParameters{
		IPFamilyPolicy: ptr.To(corev1.IPFamilyPolicyPreferDualStack), IPFamilies: families,
	}
	both := service(spec).Spec
	if *both.IPFamilyPolicy != corev1.IPFamilyPolicyPreferDualStack || !slices.Equal(both.IPFamilies, families) {
		t.Errorf("families %v, policy %v", both.IPFamilies, both.IPFamilyPolicy)
	}
	for ipv6, want := range map[bool]string{false: "address: 0.0.0.0", true: "address: '::'"} {
		config := testConfig
		config.IPv6 = ipv6
		boot, err := renderBootstrap(spec, config)
		if err != nil {
			t.Fatal(err)
		}
		if text := boot.files[bootstrap.BootstrapFile]; !strings.Contains(text, want) || strings.Contains(text, "ipv4_compat: true") != ipv6 {
			t.Errorf("IPv6 %v: no %q in\n%s", ipv6, want, text)
		}
	}
}

// A listener that comes or goes must not replace the Envoys.
func TestPodsDoNotDependOnListeners(t *testing.T) {
	before := plainSpec()
	after := plainSpec()
	after.Generation = 9
	after.Infrastructure.Ports = append(after.Infrastructure.Ports, resolve.Port{Port: 53, Protocol: corev1.ProtocolUDP})
	after.Addresses = []gwv1.GatewaySpecAddress{{Value: "192.0.2.1"}}
	if diff := cmp.Diff(podSpecOf(t, before), podSpecOf(t, after)); diff != "" {
		t.Errorf("the pod template changed:\n%s", diff)
	}
}

func TestObjectsDoNotModifyTheirInput(t *testing.T) {
	spec := plainSpec()
	spec.Infrastructure.Labels = map[string]string{"team": "web"}
	spec.Infrastructure.Annotations = map[string]string{"note": "x"}
	spec.Infrastructure.Parameters.Service = &v1alpha1.ServiceParameters{Annotations: map[string]string{"lb": "internal"}}
	if _, err := Objects(spec, testConfig); err != nil {
		t.Fatal(err)
	}
	if len(spec.Infrastructure.Labels) != 1 || len(spec.Infrastructure.Annotations) != 1 {
		t.Errorf("modified: %v %v", spec.Infrastructure.Labels, spec.Infrastructure.Annotations)
	}
}

// What only the files show: extras, and load shedding below a memory limit.
func TestBootstrapFollowsParameters(t *testing.T) {
	plain, err := renderBootstrap(plainSpec(), testConfig)
	if err != nil {
		t.Fatal(err)
	}
	spec := plainSpec()
	spec.Infrastructure.Parameters.Envoy = &v1alpha1.EnvoyParameters{
		Bootstrap: raw(`{"stats_flush_interval":"7s"}`),
		Resources: &corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1000M")}},
	}
	tuned, err := renderBootstrap(spec, testConfig)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"stats_flush_interval: 7s", `max_heap_size_bytes: "900000000"`} {
		if !strings.Contains(tuned.files[bootstrap.BootstrapFile], want) {
			t.Errorf("%q is missing in\n%s", want, tuned.files[bootstrap.BootstrapFile])
		}
	}
	if plain.hash() == tuned.hash() {
		t.Error("other files, same hash: the pods would not be replaced")
	}
}

func TestXDSAddress(t *testing.T) {
	for _, address := range []string{"", "host", "host:", "host:port", ":18000", "host:70000"} {
		if _, err := Objects(plainSpec(), Config{XDSAddress: address}); err == nil {
			t.Errorf("%q is accepted", address)
		}
	}
}

func TestParametersErrors(t *testing.T) {
	tests := map[string]struct {
		parameters v1alpha1.GatewayParametersSpec
		field      string
	}{
		"patch is no object": {v1alpha1.GatewayParametersSpec{PodTemplate: raw(`["a"]`)}, "spec.podTemplate"},
		"patch has a typo":   {v1alpha1.GatewayParametersSpec{PodTemplate: raw(`{"spec":{"nodeSelectors":{"a":"b"}}}`)}, "spec.podTemplate"},
		"patch of a wrong type": {
			v1alpha1.GatewayParametersSpec{PodTemplate: raw(`{"spec":{"containers":"none"}}`)}, "spec.podTemplate",
		},
		"bootstrap is no object": {
			v1alpha1.GatewayParametersSpec{Envoy: &v1alpha1.EnvoyParameters{Bootstrap: raw(`7`)}}, "spec.envoy.bootstrap",
		},
		"bootstrap has a typo": {
			v1alpha1.GatewayParametersSpec{Envoy: &v1alpha1.EnvoyParameters{Bootstrap: raw(`{"statsflushinterval":"5s"}`)}}, "spec.envoy.bootstrap",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			spec := plainSpec()
			spec.Infrastructure.Parameters = test.parameters
			_, err := Objects(spec, testConfig)
			var parameters *ParametersError
			if !errors.As(err, &parameters) || parameters.Field != test.field {
				t.Errorf("got %v, want an error in %s", err, test.field)
			}
		})
	}
}

// The patch may change anything but what makes the pods the Gateway's.
func TestPatchKeepsTheSelector(t *testing.T) {
	spec := plainSpec()
	spec.Infrastructure.Parameters.PodTemplate = raw(`{"metadata":{"labels":{"gateway.networking.k8s.io/gateway-name":"other","extra":"x"}}}`)
	labels := podSpecOf(t, spec).Labels
	for name, value := range selector(spec.Gateway) {
		if labels[name] != value {
			t.Errorf("label %s is %q", name, labels[name])
		}
	}
	if labels["extra"] != "x" {
		t.Error("the patch was not applied")
	}
}

func raw(text string) *apiextensionsv1.JSON { return &apiextensionsv1.JSON{Raw: []byte(text)} }

// TestX6HeapHasAnEnd: load is shed before a node is out of memory, with a memory limit of the container and without one.
func TestX6HeapHasAnEnd(t *testing.T) {
	limited := func(memory string) *corev1.ResourceRequirements {
		return &corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(memory)}}
	}
	for _, c := range []struct {
		resources *corev1.ResourceRequirements
		want      string
	}{
		{nil, "3865470566"}, {&corev1.ResourceRequirements{}, "3865470566"}, {limited("1Gi"), "966367641"}, {limited("8Gi"), "7730941132"},
	} {
		spec := plainSpec()
		spec.Infrastructure.Parameters.Envoy = &v1alpha1.EnvoyParameters{Resources: c.resources}
		out, err := renderBootstrap(spec, testConfig)
		if err != nil {
			t.Fatal(err)
		}
		if text := out.files[bootstrap.BootstrapFile]; !strings.Contains(text, `max_heap_size_bytes: "`+c.want+`"`) {
			t.Errorf("%v: no end of the heap at %s", c.resources, c.want)
		}
	}
}
