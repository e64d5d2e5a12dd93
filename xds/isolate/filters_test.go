package isolate_test

import (
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/kedify/inference-gateway/xds/ir"
)

// withFilters is a host of a listener with a filter whose service has the name.
func withFilters(host ir.Host, service string) ir.Host {
	host.Filters = &ir.ListenerFilters{
		Auths:  []*ir.Auth{{Cluster: ir.ClusterKey{Kind: ir.BackendService, Namespace: "infra", Name: service, Port: 80}}},
		Source: ir.Source{Kind: "Gateway", Namespace: "infra", Name: "gw", Section: "l"},
	}
	return host
}

// TestRefusedListenerFilters: filters that a proxy refuses are the fault of their listener. All requests for its hosts get 500, no rule
// is withheld for them, and a refused rule beside them is found as well.
func TestRefusedListenerFilters(t *testing.T) {
	filtered := func(table *routev3.RouteConfiguration) bool {
		for _, host := range table.GetVirtualHosts() {
			if len(host.GetTypedPerFilterConfig()) > 0 {
				return true
			}
		}
		return false
	}
	run(t, func(w *world) {
		p := w.connect("p", rules{refuses: filtered})
		w.apply(withFilters(host("h", 20, ""), "auth"), host("open", 2, ""))
		w.settle()
		w.wantReported("80/h filters.requests failing")
		w.wantTable(p, "80/h", "filters.requests=500")
		w.wantTable(p, "80/open", "r0=201 r1=201")
		w.apply(host("h", 2, "")) // without the filters
		w.settle()
		w.wantReported()
		w.wantTable(p, "80/h", "r0=201 r1=201")
	})
	run(t, func(w *world) {
		poison := refuse("r1")
		p := w.connect("p", rules{refuses: func(table *routev3.RouteConfiguration) bool { return poison(table) || filtered(table) }})
		w.apply(withFilters(host("h", 20, ""), "auth"))
		w.settle()
		w.wantReported("80/h filters.requests failing", "80/h r1 failing")
		w.wantTable(p, "80/h", "filters.requests=500")
	})
	run(t, func(w *world) { // a good filter stays where a rule is refused
		p := w.connect("p", rules{refuses: refuse("r1")})
		w.apply(withFilters(host("h", 3, ""), "auth"))
		w.settle()
		w.wantReported("80/h r1 failing")
		w.wantTable(p, "80/h", "r0=201 r1=500 r2=201")
	})
}
