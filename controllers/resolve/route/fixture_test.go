package route

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/resolve/listener"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// resolveRoute resolves the route app/web of the kind against the real result of Gateways.
func resolveRoute(t testing.TB, kind store.Kind, documents ...string) resolve.RouteResult {
	t.Helper()
	v := fixture.Store(t, append(documents, fixture.Class)...).View(nil)
	return Resolve(v, resolve.Object{Kind: kind, Key: types.NamespacedName{Namespace: "app", Name: "web"}},
		func(key types.NamespacedName) resolve.GatewayResult {
			return listener.Gateway(v, key, class.Setting{})
		})
}

func resolveHTTP(t testing.TB, documents ...string) resolve.RouteResult {
	t.Helper()
	return resolveRoute(t, store.HTTPRoute, documents...)
}

// onlyParent returns the one parent of the result.
func onlyParent(t testing.TB, r resolve.RouteResult) resolve.RouteParent {
	t.Helper()
	if len(r.Parents) != 1 {
		t.Fatalf("%d parents, want 1: %+v", len(r.Parents), r.Parents)
	}
	return r.Parents[0]
}

// fragmentNames writes fragments as "listener hostname".
func fragmentNames(r resolve.RouteResult) []string {
	var names []string
	for _, f := range r.Fragments {
		names = append(names, f.Listener.Name+" "+f.Hostname)
	}
	return names
}

// onlyRules returns the rules of the first fragment.
func onlyRules(t testing.TB, r resolve.RouteResult) []resolve.Rule {
	t.Helper()
	if len(r.Fragments) == 0 {
		t.Fatalf("no fragments; parents: %+v", r.Parents)
	}
	return *r.Fragments[0].Rules
}

// forwardOf returns the action of the only rule.
func forwardOf(t testing.TB, r resolve.RouteResult) *ir.Forward {
	t.Helper()
	rules := onlyRules(t, r)
	forward, ok := rules[0].Route.Action.(*ir.Forward)
	if len(rules) != 1 || !ok {
		t.Fatalf("%d rules, first action %+v; parents %+v", len(rules), rules[0].Route.Action, r.Parents)
	}
	return forward
}

// respondsWith fails unless every rule answers with the code.
func respondsWith(t testing.TB, r resolve.RouteResult, code uint32) {
	t.Helper()
	for _, rule := range onlyRules(t, r) {
		if respond, ok := rule.Route.Action.(*ir.Respond); !ok || respond.StatusCode != code {
			t.Errorf("rule %s does %+v, want %d", rule.Route.Name, rule.Route.Action, code)
		}
	}
}
