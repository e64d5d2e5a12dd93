package resolve

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// httpGateway is a Gateway with one listener "http" on port 80 for every name.
var httpGateway = testGateway(`
listeners:
- {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
`)

// webService is a Service with one port for each appProtocol that matters.
const webService = `
kind: Service
metadata: {name: web, namespace: app}
spec:
  clusterIP: 10.0.0.1
  ports:
  - {name: plain, port: 80, targetPort: 8080}
  - {name: h2c, port: 81, targetPort: 8081, appProtocol: kubernetes.io/h2c}
  - {name: ws, port: 82, targetPort: 8082, appProtocol: kubernetes.io/ws}
  - {name: tls, port: 443, targetPort: 8443, appProtocol: HTTPS}
  - {name: odd, port: 90, targetPort: 9000, appProtocol: example.com/odd}
  - {name: datagram, port: 53, protocol: UDP, targetPort: 5353}
`

// routeYAML is an HTTPRoute app/web with the given spec; parentRefs to the fixture Gateway
// are added when the spec has none.
func routeYAML(spec string) string { return routeOf("HTTPRoute", "web", spec) }

func routeOf(kind, name, spec string) string {
	if !strings.Contains(spec, "parentRefs:") {
		spec = "parentRefs: [{name: gw, namespace: infra}]\n" + strings.Trim(spec, "\n")
	}
	return "kind: " + kind + "\nmetadata: {name: " + name + ", namespace: app, generation: 4, creationTimestamp: \"2026-01-02T03:04:05Z\"}\nspec:\n" + indent(spec)
}

// resolveRoute resolves the route app/web of the kind against the real result of Gateways.
func resolveRoute(t testing.TB, kind store.Kind, documents ...string) RouteResult {
	t.Helper()
	v := storeOf(t, append(documents, ourClass)...).View(nil)
	return Route(v, Object{Kind: kind, Key: types.NamespacedName{Namespace: "app", Name: "web"}}, func(key types.NamespacedName) GatewayResult {
		return Gateway(v, key, nil)
	})
}

func resolveHTTP(t testing.TB, documents ...string) RouteResult {
	t.Helper()
	return resolveRoute(t, store.HTTPRoute, documents...)
}

// onlyParent returns the one parent of the result.
func onlyParent(t testing.TB, r RouteResult) RouteParent {
	t.Helper()
	if len(r.Parents) != 1 {
		t.Fatalf("%d parents, want 1: %+v", len(r.Parents), r.Parents)
	}
	return r.Parents[0]
}

// fragmentNames writes fragments as "listener hostname".
func fragmentNames(r RouteResult) []string {
	var names []string
	for _, f := range r.Fragments {
		names = append(names, f.Listener.Name+" "+f.Hostname)
	}
	return names
}

// onlyRules returns the rules of the first fragment.
func onlyRules(t testing.TB, r RouteResult) []Rule {
	t.Helper()
	if len(r.Fragments) == 0 {
		t.Fatalf("no fragments; parents: %+v", r.Parents)
	}
	return *r.Fragments[0].Rules
}

// forwardOf returns the action of the only rule.
func forwardOf(t testing.TB, r RouteResult) *ir.Forward {
	t.Helper()
	rules := onlyRules(t, r)
	forward, ok := rules[0].Route.Action.(*ir.Forward)
	if len(rules) != 1 || !ok {
		t.Fatalf("%d rules, first action %+v; parents %+v", len(rules), rules[0].Route.Action, r.Parents)
	}
	return forward
}

// respondsWith fails unless every rule answers with the code.
func respondsWith(t testing.TB, r RouteResult, code uint32) {
	t.Helper()
	for _, rule := range onlyRules(t, r) {
		if respond, ok := rule.Route.Action.(*ir.Respond); !ok || respond.StatusCode != code {
			t.Errorf("rule %s does %+v, want %d", rule.Route.Name, rule.Route.Action, code)
		}
	}
}

// expectMessage fails unless the condition's message has all of the words.
func expectMessage(t testing.TB, conditions []metav1.Condition, kind string, words ...string) {
	t.Helper()
	message := messageOf(conditions, kind)
	for _, word := range words {
		if !strings.Contains(message, word) {
			t.Errorf("message of %s is %q, want %q in it", kind, message, word)
		}
	}
}

func equalSlices[E comparable](t testing.TB, what string, got, want []E) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
