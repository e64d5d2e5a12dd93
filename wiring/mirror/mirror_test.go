package mirror

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/internal/golden"
)

// scene is the input of a case.
type scene struct {
	Service        *corev1.Service               `json:"service"`
	Slices         []*discoveryv1.EndpointSlice  `json:"slices"`
	Pool           *inferencev1.InferencePool    `json:"pool"`
	Pods           []*corev1.Pod                 `json:"pods"`
	Wired          *corev1.Service               `json:"wired"`
	Fallback       *corev1.Service               `json:"fallback"`
	FallbackSlices []*discoveryv1.EndpointSlice  `json:"fallbackSlices"`
	Endpoints      *metav1.PartialObjectMetadata `json:"endpoints"`
	Selector       map[string]string             `json:"selector"`
	Proxies        []*discoveryv1.EndpointSlice  `json:"proxies"`
	Ports          map[int32]int32               `json:"ports"`
	InCluster      bool                          `json:"inCluster"`
	Paths          []Path                        `json:"paths"`
}

func (s scene) render(path Path) Output {
	entry := Entry{Selector: s.Selector, Slices: s.Proxies, Ports: s.Ports}
	if s.InCluster {
		return RenderInCluster(InCluster{
			Service: s.Service, Slices: s.Slices, Endpoints: s.Endpoints,
			Fallback: s.Fallback, FallbackSlices: s.FallbackSlices, Entry: entry, Path: path,
		})
	}
	return Render(Input{
		Service: s.Service, Slices: s.Slices, Pool: s.Pool, Pods: s.Pods, Entry: entry, Path: path, Wired: s.Wired,
	})
}

// TestGolden shows what a wired Service is on each path.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", func(t *testing.T, c *golden.Case) []golden.Section {
		var s scene
		if err := yaml.UnmarshalStrict(c.Input, &s); err != nil {
			t.Fatal(err)
		}
		before := textOf(t, s)
		var sections []golden.Section
		for _, path := range s.Paths {
			out := s.render(path)
			if diff := cmp.Diff(out, s.render(path)); diff != "" {
				t.Errorf("path %s depends on more than its input:\n%s", path, diff)
			}
			sections = append(sections, golden.Section{Name: string(path), Body: outputText(t, out)})
		}
		if after := textOf(t, s); after != before {
			t.Errorf("the input was changed:\n%s", cmp.Diff(before, after))
		}
		return sections
	})
}

func outputText(t *testing.T, out Output) string {
	var text strings.Builder
	if !out.Problem.None() {
		text.WriteString("problem: " + textOf(t, out.Problem.Reason+": "+out.Problem.Message))
	}
	for _, leftover := range out.Leftovers {
		fmt.Fprintf(&text, "---\ndelete: %s %s, because %s\n", leftover.Kind, leftover.Object.GetName(), leftover.Note)
	}
	if out.Service != nil {
		text.WriteString("---\n" + textOf(t, out.Service))
	}
	for _, slice := range out.Slices {
		text.WriteString("---\n" + textOf(t, slice))
	}
	return strings.TrimPrefix(text.String(), "---\n")
}

func textOf(t *testing.T, value any) string {
	t.Helper()
	text, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "status:\n  loadBalancer: {}\n", "")
}

func TestName(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, test := range []struct {
		original string
		pool     bool
		want     string
	}{
		{"web", false, "web-kedify"},
		{"llm", true, "llm-kedify-pool"},
		{strings.Repeat("a", 56), false, strings.Repeat("a", 56) + "-kedify"},
		{long, false, strings.Repeat("a", 47) + "-7d3e74a0-kedify"},
		{"llm.v1", true, "llm-v1-828ef1ae-kedify-pool"},
		{"7b", true, "p-7b-925a7bf1-kedify-pool"},
	} {
		if got := Name(test.original, test.pool); got != test.want {
			t.Errorf("Name(%q, %v) = %q, want %q", test.original, test.pool, got, test.want)
		}
	}
}

// FuzzName: names are legal, and two originals never share one.
func FuzzName(f *testing.F) {
	f.Add("web", false, "web-kedify", true)
	f.Add("web-kedify-pool", false, "web", true)
	f.Add("a.b", true, "a-b", true)
	f.Add("1", true, "p-1", true)
	f.Fuzz(func(t *testing.T, a string, poolA bool, b string, poolB bool) {
		for _, side := range []struct {
			name string
			pool bool
		}{{a, poolA}, {b, poolB}} {
			legal := validation.IsDNS1035Label(side.name)
			if side.pool {
				legal = validation.IsDNS1123Subdomain(side.name)
			}
			if len(legal) > 0 {
				return
			}
			if name := Name(side.name, side.pool); len(validation.IsDNS1035Label(name)) > 0 {
				t.Fatalf("%q is no name of a Service", name)
			}
		}
		if (a != b || poolA != poolB) && Name(a, poolA) == Name(b, poolB) {
			t.Fatalf("%q and %q have one name, %q", a, b, Name(a, poolA))
		}
	})
}

func TestOriginal(t *testing.T) {
	for _, test := range []struct {
		label, annotation string
		name              string
		pool              bool
	}{
		{v1alpha1.ManagedBy, Wires("web", false), "web", false},
		{v1alpha1.ManagedBy, Wires("llm", true), "llm", true},
		{"Helm", Wires("web", false), "", false},
		{v1alpha1.ManagedBy, "", "", false},
	} {
		service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{
			Labels:      map[string]string{v1alpha1.ManagedByLabel: test.label},
			Annotations: map[string]string{v1alpha1.WiresAnnotation: test.annotation},
		}}
		if name, pool := Original(service); name != test.name || pool != test.pool {
			t.Errorf("%+v: %q %v", test, name, pool)
		}
	}
}

func TestPathOf(t *testing.T) {
	for _, test := range []struct {
		slices []Path
		want   Path
	}{
		{nil, ""}, {[]Path{""}, ""}, {[]Path{"", Direct}, Direct}, {[]Path{Both, Direct}, Both}, {[]Path{Direct, Both}, Both},
		{[]Path{Both, Proxy}, Proxy}, {[]Path{Direct, Direct}, Direct}, {[]Path{"Nonsense"}, ""},
	} {
		all := []*discoveryv1.EndpointSlice{{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{PathAnnotation: string(Proxy)}}}}
		for _, path := range test.slices {
			all = append(all, &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{
				Labels:      map[string]string{discoveryv1.LabelManagedBy: v1alpha1.ManagedBy},
				Annotations: map[string]string{PathAnnotation: string(path)}}})
		}
		if got := PathOf(all); got != test.want {
			t.Errorf("%v: %q, want %q", test.slices, got, test.want)
		}
	}
}

func TestBookkeepingIsNotCopied(t *testing.T) {
	for key, copied := range map[string]bool{
		"app": true, "traefik.ingress.kubernetes.io/service.serversscheme": true, "cloud.google.com/backend-config": true,
		"service.cilium.io/affinity": true, "app.kubernetes.io/name": true, "networking.istio.io/exportTo": true,
		"kubectl.kubernetes.io/last-applied-configuration": false, "argocd.argoproj.io/tracking-id": false,
		"app.kubernetes.io/instance": false, "app.kubernetes.io/managed-by": false, "helm.sh/chart": false,
		"meta.helm.sh/release-name": false, "kustomize.toolkit.fluxcd.io/name": false, "helm.toolkit.fluxcd.io/namespace": false,
		"applyset.kubernetes.io/part-of": false, "external-dns.alpha.kubernetes.io/hostname": false,
		"cloud.google.com/neg-status": false, "gateway.kedify.io/desired-hash": false, "gateway.networking.k8s.io/gateway-name": false,
	} {
		if _, got := kept(map[string]string{key: "x"})[key]; got != copied {
			t.Errorf("%s: copied %v, want %v", key, got, copied)
		}
	}
}

// TestDivision: a Service with more endpoints than one slice takes is divided by address, and an
// endpoint that comes moves no other.
func TestDivision(t *testing.T) {
	s := scene{
		Service:  service("web", corev1.ServicePort{Name: "http", Port: 80}),
		Selector: map[string]string{"proxy": "yes"}, Ports: map[int32]int32{80: 8080},
	}
	place := func(count int) map[string]string {
		slice := &discoveryv1.EndpointSlice{
			AddressType: discoveryv1.AddressTypeIPv4,
			Ports:       []discoveryv1.EndpointPort{{Name: ptr.To("http"), Port: ptr.To[int32](3000)}},
		}
		for i := range count {
			slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.0.%d.%d", i/250, i%250)}})
		}
		s.Slices = []*discoveryv1.EndpointSlice{slice}
		places := map[string]string{}
		for _, slice := range s.render(Proxy).Slices {
			if len(slice.Endpoints) > 1000 {
				t.Errorf("%d endpoints: slice %s has %d", count, slice.Name, len(slice.Endpoints))
			}
			if len(slice.Endpoints) > 0 && len(slice.Ports) == 0 {
				t.Errorf("%d endpoints: slice %s has no ports", count, slice.Name)
			}
			for _, e := range slice.Endpoints {
				if other := places[e.Addresses[0]]; other != "" {
					t.Errorf("%s is in %s and %s", e.Addresses[0], other, slice.Name)
				}
				places[e.Addresses[0]] = slice.Name
			}
		}
		if len(places) != count {
			t.Errorf("%d endpoints, %d are in slices", count, len(places))
		}
		return places
	}
	if places := place(1000); places["10.0.0.0"] != "web-kedify-direct" {
		t.Errorf("1,000 endpoints fit in one slice, and are in %s", places["10.0.0.0"])
	}
	before, after := place(1500), place(1510)
	for address, name := range before {
		if after[address] != name {
			t.Errorf("%s moved from %s to %s", address, name, after[address])
		}
	}
}

func service(name string, ports ...corev1.ServicePort) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: corev1.ServiceSpec{Ports: ports}}
}

// TestRefusals: what cannot be wired says so by name.
func TestRefusals(t *testing.T) {
	http := corev1.ServicePort{Name: "http", Port: 80}
	ports := map[int32]int32{80: 8080}
	change := func(change func(*corev1.Service)) *corev1.Service {
		s := service("web", http)
		change(s)
		return s
	}
	fallback := service("web-pods", http)
	for name, test := range map[string]struct {
		scene  scene
		reason string
		text   string
	}{
		"ExternalName": {scene{Service: change(func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeExternalName })},
			ReasonUnsupported, "ExternalName"},
		"headless": {scene{Service: change(func(s *corev1.Service) { s.Spec.ClusterIP = corev1.ClusterIPNone })}, ReasonUnsupported, "headless"},
		"no ports": {scene{Service: service("web")}, ReasonUnsupported, "no ports"},
		"another port": {scene{Service: service("web", corev1.ServicePort{Port: 81}), Ports: ports},
			ReasonPortNotFound, "no TCP port that the trigger names"},
		"UDP":    {scene{Service: service("web", corev1.ServicePort{Port: 80, Protocol: corev1.ProtocolUDP})}, ReasonPortNotFound, "TCP"},
		"absent": {scene{}, ReasonNotFound, "does not exist"},
		"name taken": {scene{Service: service("web", http), Wired: service("web-kedify", http)}, ReasonNameTaken,
			"Service shop/web-kedify exists"},
		"name of the data plane of Gateway web": {scene{Service: service("web", http), Wired: &corev1.Service{ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "web-kedify", Labels: marks()}}}, ReasonNameTaken, "web-kedify"},
		"service without fallback": {scene{Service: service("web", http), InCluster: true}, ReasonNotFound, "fallbackService"},
		"T51 service with a selector": {scene{Service: change(func(s *corev1.Service) { s.Spec.Selector = map[string]string{"app": "web"} }),
			Fallback: fallback, InCluster: true}, ReasonSelector, "has a selector"},
		"service with not ready addresses": {scene{Service: change(func(s *corev1.Service) { s.Spec.PublishNotReadyAddresses = true }),
			Fallback: fallback, InCluster: true}, ReasonUnsupported, "publishNotReadyAddresses"},
		"service with policy Local": {scene{Service: change(func(s *corev1.Service) {
			s.Spec.InternalTrafficPolicy = ptr.To(corev1.ServiceInternalTrafficPolicyLocal)
		}), Fallback: fallback, InCluster: true}, ReasonUnsupported, "Local"},
		"headless service": {scene{Service: change(func(s *corev1.Service) { s.Spec.ClusterIP = corev1.ClusterIPNone }),
			Fallback: fallback, InCluster: true}, ReasonUnsupported, "headless"},
		"service that is its fallback": {scene{Service: service("web", http), Fallback: service("web", http), InCluster: true},
			ReasonUnsupported, "its own fallback"},
		"endpoints of the user": {scene{Service: service("web", http), Fallback: fallback, InCluster: true,
			Endpoints: &metav1.PartialObjectMetadata{}}, ReasonCompeting, "Endpoints shop/web"},
		"endpoints of the user, seen by their mirrored slice": {scene{Service: service("web", http), Fallback: fallback, InCluster: true,
			Slices: []*discoveryv1.EndpointSlice{{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{
				discoveryv1.LabelManagedBy: mirrorController}}}}}, ReasonCompeting, "Endpoints shop/web"},
		"slice of the user": {scene{Service: service("web", http), Fallback: fallback, InCluster: true,
			Slices: []*discoveryv1.EndpointSlice{{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "mine"}}}}, ReasonCompeting, "shop/mine"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.scene.Ports == nil {
				test.scene.Ports = ports
			}
			out := test.scene.render(Proxy)
			if out.Problem.Reason != test.reason || !strings.Contains(out.Problem.Message, test.text) ||
				!strings.HasSuffix(out.Problem.Message, ".") {
				t.Errorf("problem %+v, want %s with %q", out.Problem, test.reason, test.text)
			}
			if out.Service != nil || len(out.Slices) > 0 {
				t.Error("a refused Service has objects")
			}
		})
	}
}
