package isolate_test

import (
	"strings"
	"testing"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/kedify/inference-gateway/xds/ir"
)

// TestNoRuleIsToBlame: a proxy that refuses even a table without rules has no rule withheld, and is asked little.
func TestNoRuleIsToBlame(t *testing.T) {
	run(t, func(w *world) {
		w.apply(host("h", 40, ""))
		p := w.connect("p", rules{refuses: func(*routev3.RouteConfiguration) bool { return true }})
		w.settle()
		w.wantReported("80/h")
		if p.asked() > 32 {
			t.Errorf("%d trials", p.asked())
		}
	})
}

// TestCommonFields: what all rules that forward have in common is not the fault of their owners. An only owner may be at fault.
func TestCommonFields(t *testing.T) {
	forwards := func(table *routev3.RouteConfiguration) (found bool) {
		eachRoute(table, func(route *routev3.Route) { found = found || route.GetRoute() != nil })
		return found
	}
	for name, test := range map[string]struct {
		owners   []string
		suspects []string
		want     []string
	}{
		"two owners":                      {[]string{"a", "b"}, nil, []string{"80/h"}},
		"one owner":                       {[]string{"a", "a"}, nil, []string{"80/h r1 failing", "80/h r2 failing"}},
		"two owners, one is suspected":    {[]string{"a", "b"}, []string{"r1"}, []string{"80/h"}},
		"two owners, both are suspected":  {[]string{"a", "b"}, []string{"r1", "r2"}, []string{"80/h"}},
		"three owners, two are suspected": {[]string{"a", "b", "c"}, []string{"r1", "r2"}, []string{"80/h"}},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(w *world) {
				w.suspects = test.suspects
				h := host("h", 1+len(test.owners), "")
				for i, owner := range test.owners {
					h.Routes[i+1].Source.Namespace = owner
					h.Routes[i+1].Action = &ir.Forward{Targets: []ir.Target{{
						Weight: 1, Cluster: ir.ClusterKey{Kind: ir.BackendService, Namespace: owner, Name: "s", Port: 80},
					}}}
				}
				w.apply(h)
				w.connect("p", rules{refuses: forwards})
				w.settle()
				w.wantReported(test.want...)
			})
		})
	}
}

// TestUnexplainedIsOneVersion: a search that finds nothing says nothing of a version that was refused while it ran.
func TestUnexplainedIsOneVersion(t *testing.T) {
	run(t, func(w *world) {
		bad := refuse("r1")
		p := w.connect("p", rules{delay: 10 * time.Millisecond, refuses: func(table *routev3.RouteConfiguration) bool {
			if strings.HasPrefix(table.GetName(), "trial/") || table.GetVirtualHosts()[0].GetRoutes()[0].GetDirectResponse().GetBody() != nil {
				return bad(table)
			}
			return true
		}})
		first := host("h", 2, "")
		first.Routes[1].Name = "HTTPRoute/ns1/x/good"
		w.apply(first)
		time.Sleep(15 * time.Millisecond) // the table is refused, and its trials are not answered
		w.apply(host("h", 2, "second"))
		w.settle()
		w.wantTable(p, "80/h", "r0=201 r1=500")
		w.wantReported("80/h r1 failing")
	})
}
