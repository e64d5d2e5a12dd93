package resolve

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// The units that one edit recomputes: a route, the table of a host, the endpoints of a
// backend. None of them may depend on how many others there are.
func BenchmarkRoute(b *testing.B) {
	v := storeOf(b, ourClass, httpGateway, webService, routeYAML("hostnames: [a.example.com]\nrules: [{backendRefs: [{name: web, port: 80}]}]")).View(nil)
	gateway := Gateway(v, gatewayKey, nil)
	object := Object{Kind: store.HTTPRoute, Key: types.NamespacedName{Namespace: "app", Name: "web"}}
	for b.Loop() {
		if r := Route(v, object, func(types.NamespacedName) GatewayResult { return gateway }); len(r.Fragments) != 1 {
			b.Fatal(r)
		}
	}
}

func BenchmarkHost(b *testing.B) {
	for _, rules := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("rules=%d", rules), func(b *testing.B) {
			gateway := builtGateway("http 80")
			all := make([]Rule, rules)
			for i := range all {
				all[i] = Rule{Index: i, Route: ir.Route{Match: ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: fmt.Sprintf("/%d", i*7919%rules)}}}}
			}
			fragments := []Fragment{{Gateway: gatewayKey, Listener: gateway.Listeners[0].ID, Hostname: "a.example.com", Rules: &all}}
			at := func(_ ListenerID, hostname string) []Fragment {
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

func BenchmarkEndpoints(b *testing.B) {
	for _, pods := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("pods=%d", pods), func(b *testing.B) {
			var endpoints []string
			for i := range pods {
				endpoints = append(endpoints, fmt.Sprintf("{addresses: [10.0.%d.%d]}", i/250, i%250+1))
			}
			v := storeOf(b, webService, sliceYAML("a", "IPv4", "{name: plain, port: 8080}", strings.Join(endpoints, ", "))).View(nil)
			for b.Loop() {
				if e := Endpoints(v, webCluster(80)); len(e.Addresses) != pods {
					b.Fatal(len(e.Addresses))
				}
			}
		})
	}
}
