package webhook

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/scaler/trigger"
)

const scalerAddress = "kedify-gateway.kedify-system.svc.cluster.local:9090"

// request is about an object in YAML.
func request(t *testing.T, text string) admission.Request {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var head metav1.PartialObjectMetadata
	if err := json.Unmarshal(raw, &head); err != nil {
		t.Fatal(err)
	}
	return admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		UID: "1", Kind: metav1.GroupVersionKind{Group: "keda.sh", Version: "v1alpha1", Kind: head.Kind},
		Namespace: "shop", Name: head.Name, Operation: admissionv1.Create, Object: runtime.RawExtension{Raw: raw},
	}}
}

func validate(t *testing.T, text string, changes ...func(*Options)) admission.Response {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, inferencev1.Install} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	reader := fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
			Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}}},
		&inferencev1.InferencePool{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "pool"}},
	).Build()
	v := &validator{options: Options{ScalerAddress: scalerAddress, Reader: reader}}
	for _, change := range changes {
		change(&v.options)
	}
	return v.Handle(context.Background(), request(t, text))
}

const good = `
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  triggers: [{type: kedify-http, metadata: {hosts: a.test, service: web, port: "80", scalingMetric: requestRate}}]`

func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		object   string
		mistakes []string // in their order
		warning  string
		autowire bool
	}{
		"good": {object: good},
		"trigger of another scaler": {object: `
kind: ScaledObject
metadata: {name: web}
spec: {scaleTargetRef: {name: web}, triggers: [{type: cron, metadata: {}}, {type: external, metadata: {scalerAddress: "other:9090"}}]}`},
		"one mistake": {object: strings.Replace(good, `"80"`, `"70000"`, 1), mistakes: []string{"port"}},
		"several": {object: `
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  triggers:
  - {type: kedify-http, name: a, metadata: {service: web, scalingMetric: requestRate}}
  - {type: external-push, name: b, metadata: {originalType: kedify-http, scalerAddress: "` + scalerAddress + `",
      hosts: a.test, service: web, port: "80", scalingMetric: rate}}`,
			mistakes: []string{"hosts", "port", "scalingMetric"}},
		"native spelling": {object: `
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  triggers: [{type: external-push, metadata: {scalerAddress: "kedify-gateway.kedify-system:9090", hosts: a.test, service: web,
      scalingMetric: requestRate}}]`,
			mistakes: []string{"port"}},
		"job": {object: `
kind: ScaledJob
metadata: {name: web}
spec: {jobTargetRef: {template: {spec: {}}}, triggers: [{type: kedify-http, metadata: {hosts: a.test}}]}`, mistakes: []string{"kind"}},
		"job of others": {object: `
kind: ScaledJob
metadata: {name: web}
spec: {jobTargetRef: {template: {spec: {}}}, triggers: [{type: cron, metadata: {}}]}`},
		"being deleted": {object: `
kind: ScaledObject
metadata: {name: web, deletionTimestamp: "2026-11-25T00:00:00Z"}
spec: {scaleTargetRef: {name: web}, triggers: [{type: kedify-http, metadata: {}}]}`},
		"weights": {object: strings.Replace(good, "{name: web}",
			`{name: web, annotations: {http.kedify.io/weighted-backends: "[{service: web, weight: 101}]"}}`, 1),
			mistakes: []string{"http.kedify.io/weighted-backends"}},
		"warned": {object: strings.Replace(good, "requestRate", "concurrency, window: 10s", 1), warning: "window has no effect"},
		"another address": {object: `
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  triggers: [{type: external-push, metadata: {scalerAddress: "kedify-gateway-scaler.kedify-system:9090", hosts: a.test,
      scalingMetric: requestRate}}]`,
			warning: `scalerAddress "kedify-gateway-scaler.kedify-system:9090" is not the address of this installation`},
		"named kinds are not wired": {object: strings.Replace(good, "requestRate", "requestRate, trafficAutowire: 'ingress,httproute'", 1),
			warning: "trigger 0: trafficAutowire ingress, httproute is not wired, because autowiring is switched off"},
		"named kinds are wired": {object: strings.Replace(good, "requestRate", "requestRate, trafficAutowire: 'ingress,httproute'", 1),
			autowire: true},
		"wired Service": {object: strings.Replace(good, "{name: web}", `{name: web, annotations: {gateway.kedify.io/wired-service: "true"}}`, 1),
			autowire: true},
		"no wired Service": {object: strings.Replace(good, "{name: web}",
			`{name: web, annotations: {gateway.kedify.io/wired-service: "true"}}`, 1),
			warning: "trigger 0: annotation gateway.kedify.io/wired-service asks for a wired Service, and autowiring is switched off"},
		"wired Service, misspelled": {object: strings.Replace(good, "{name: web}",
			`{name: web, annotations: {gateway.kedify.io/wired-service: "yes"}}`, 1),
			autowire: true, warning: `annotation gateway.kedify.io/wired-service has the value "yes"`},
		"nothing to wire": {object: strings.Replace(good, "requestRate", "requestRate, trafficAutowire: 'false'", 1)},
		"mismatch": {object: strings.Replace(good, `port: "80"`, `port: "9002", inferencePool: pool`, 1),
			warning: `trigger 0: inferencePool "pool" selects nothing and service "web" selects app=web`},
	} {
		t.Run(name, func(t *testing.T) {
			response := validate(t, test.object, func(options *Options) { options.Autowire = test.autowire })
			if response.Allowed != (len(test.mistakes) == 0) {
				t.Fatalf("allowed %v: %+v", response.Allowed, response.Result)
			}
			warned := strings.Join(response.Warnings, "\n")
			if test.warning == "" && warned != "" || !strings.Contains(warned, test.warning) {
				t.Errorf("warnings %q", response.Warnings)
			}
			if response.Allowed {
				return
			}
			var fields []string
			for _, cause := range response.Result.Details.Causes {
				fields = append(fields, cause.Field[strings.LastIndex(cause.Field, " ")+1:])
				if !strings.Contains(response.Result.Message, cause.Message) {
					t.Errorf("%q is not in the message %q", cause.Message, response.Result.Message)
				}
			}
			slices.Sort(fields)
			slices.Sort(test.mistakes)
			if !slices.Equal(fields, test.mistakes) {
				t.Errorf("fields %q in %q", fields, response.Result.Message)
			}
		})
	}
}

func TestValidateGarbage(t *testing.T) {
	for _, text := range []string{"kind: ScaledObject\nspec: {triggers: 1}", "kind: ScaledJob\nspec: []", "kind: Pod"} {
		if response := validate(t, text); response.Allowed || response.Result.Code != 400 {
			t.Errorf("%s: %+v", text, response)
		}
	}
}

func mutate(t *testing.T, options Options, text string) string {
	t.Helper()
	before := request(t, text)
	m := &mutator{options: options}
	response := m.Handle(context.Background(), before)
	if !response.Allowed {
		t.Fatalf("refused: %+v", response.Result)
	}
	if len(response.Patches) == 0 {
		return "unchanged"
	}
	patch, err := json.Marshal(response.Patches)
	if err != nil {
		t.Fatal(err)
	}
	operations, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		t.Fatal(err)
	}
	after, err := operations.Apply(before.Object.Raw)
	if err != nil {
		t.Fatal(err)
	}
	out, err := yaml.JSONToYAML(after)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestMutate(t *testing.T) {
	options := Options{ScalerAddress: scalerAddress}
	const mixed = `
kind: ScaledObject
metadata: {name: web}
spec:
  triggers:
  - {type: cron, metadata: {a: b}}
  - {type: kedify-http, name: one, metadata: {hosts: a.test}}
  - {type: kedify-envoy-http, metadata: {externalProxyMetricKey: x, scalerAddress: "mine:1"}, authenticationRef: {name: mine}}
`
	const want = `kind: ScaledObject
metadata:
  name: web
spec:
  triggers:
  - metadata:
      a: b
    type: cron
  - metadata:
      hosts: a.test
      originalType: kedify-http
      scalerAddress: kedify-gateway.kedify-system.svc.cluster.local:9090
    name: one
    type: external-push
  - authenticationRef:
      name: mine
    metadata:
      externalProxyMetricKey: x
      originalType: kedify-envoy-http
      scalerAddress: mine:1
    type: external-push
`
	got := mutate(t, options, mixed)
	if got != want {
		t.Errorf("got\n%s", got)
	}
	if again := mutate(t, options, got); again != "unchanged" {
		t.Errorf("a second time:\n%s", again)
	}
	for _, text := range []string{
		"kind: ScaledObject\nspec: {triggers: [{type: cron, metadata: {}}]}", "kind: ScaledObject\nspec: {}",
		"kind: ScaledObject\nspec: {triggers: [{type: kedify-http}]}", "kind: ScaledJob\nspec: {triggers: [{type: kedify-http, metadata: {}}]}",
	} {
		if got := mutate(t, options, text); got != "unchanged" {
			t.Errorf("%s:\n%s", text, got)
		}
	}
}

// With mutual TLS a trigger of this product, in any spelling, refers to KEDA's certificate unless it
// refers to something; without, it does not refer to the one of the product.
func TestMutateAuthentication(t *testing.T) {
	const native = `
kind: ScaledObject
metadata: {name: web}
spec:
  triggers:
  - {type: cron, metadata: {a: b}}
  - {type: external-push, metadata: {scalerAddress: "kedify-gateway.kedify-system:9090", hosts: a.test}}
  - {type: external-push, metadata: {scalerAddress: "mine:1", originalType: kedify-http}, authenticationRef: {name: mine}}
  - {type: external-push, metadata: {scalerAddress: "other:9090"}}
  - {type: kedify-http, metadata: {hosts: b.test, port: 80}}
`
	const want = `kind: ScaledObject
metadata:
  name: web
spec:
  triggers:
  - metadata:
      a: b
    type: cron
  - authenticationRef:
      kind: ClusterTriggerAuthentication
      name: gw
    metadata:
      hosts: a.test
      scalerAddress: kedify-gateway.kedify-system:9090
    type: external-push
  - authenticationRef:
      name: mine
    metadata:
      originalType: kedify-http
      scalerAddress: mine:1
    type: external-push
  - metadata:
      scalerAddress: other:9090
    type: external-push
  - authenticationRef:
      kind: ClusterTriggerAuthentication
      name: gw
    metadata:
      hosts: b.test
      originalType: kedify-http
      port: 80
      scalerAddress: kedify-gateway.kedify-system.svc.cluster.local:9090
    type: external-push
`
	on := Options{ScalerAddress: scalerAddress, Authentication: trigger.Authentication{Name: "gw", Required: true}}
	got := mutate(t, on, native)
	if got != want {
		t.Errorf("got\n%s", got)
	}
	if again := mutate(t, on, got); again != "unchanged" {
		t.Errorf("a second time:\n%s", again)
	}
	off := Options{ScalerAddress: scalerAddress, Authentication: trigger.Authentication{Name: "gw"}}
	left := mutate(t, off, got)
	if strings.Contains(left, "gw") || !strings.Contains(left, "name: mine") {
		t.Errorf("turned off:\n%s", left)
	}
	if again := mutate(t, off, left); again != "unchanged" {
		t.Errorf("turned off twice:\n%s", again)
	}
}
