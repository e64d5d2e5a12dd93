package route

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/resolve/listener"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// The units that one edit recomputes: a route, the table of a host, the endpoints of a
// backend. None of them may depend on how many others there are.
func BenchmarkRoute(b *testing.B) {
	v := fixture.Store(b, fixture.Class, fixture.HTTPGateway, fixture.WebService,
		fixture.HTTPRoute("hostnames: [a.example.com]\nrules: [{backendRefs: [{name: web, port: 80}]}]")).View(nil)
	gateway := listener.Gateway(v, fixture.GatewayKey, class.Setting{})
	object := resolve.Object{Kind: store.HTTPRoute, Key: types.NamespacedName{Namespace: "app", Name: "web"}}
	for b.Loop() {
		if r := Resolve(v, object, func(types.NamespacedName) resolve.GatewayResult { return gateway }); len(r.Fragments) != 1 {
			b.Fatal(r)
		}
	}
}

func BenchmarkHost(b *testing.B) {
	for _, rules := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("rules=%d", rules), func(b *testing.B) {
			gateway := builtGateway("http 80")
			all := make([]resolve.Rule, rules)
			for i := range all {
				all[i] = resolve.Rule{Index: i,
					Route: ir.Route{Match: ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: fmt.Sprintf("/%d", i*7919%rules)}}}}
			}
			fragments := []resolve.Fragment{{Gateway: fixture.GatewayKey, Listener: gateway.Listeners[0].ID, Hostname: "a.example.com", Rules: &all}}
			at := func(_ resolve.ListenerID, hostname string) []resolve.Fragment {
				if hostname == "a.example.com" {
					return fragments
				}
				return nil
			}
			for b.Loop() {
				if host, ok := Host(gateway, "80", "a.example.com", at); !ok || len(host.Routes) != rules {
					b.Fatal(host)
				}
			}
		})
	}
}
