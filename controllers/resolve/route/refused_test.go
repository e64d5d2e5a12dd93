package route

import (
	"slices"
	"testing"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/xds/ir"
)

// TestRefusedRules: the rules that a status says are refused are read back, in the generation that it says so of, and no others.
func TestRefusedRules(t *testing.T) {
	result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute("rules: [{backendRefs: [{name: web, port: 80}]}]"))
	source := ir.Source{Kind: "HTTPRoute", Namespace: "app", Name: "web"}
	withheld := func(rule string, absent bool) resolve.Rejected {
		return resolve.Rejected{Source: source, Rule: rule, Message: `bad "regex": (`, Absent: absent}
	}
	for name, test := range map[string]struct {
		rejected []resolve.Rejected
		change   func(*gwv1.RouteParentStatus)
		want     []RefusedRule
	}{
		"nothing": {},
		"two rules": {rejected: []resolve.Rejected{withheld("first", false), withheld("second", true)},
			want: []RefusedRule{{Name: "first"}, {Name: "second", Absent: true}}},
		"left out":    {rejected: []resolve.Rejected{withheld("first", true)}, want: []RefusedRule{{Name: "first", Absent: true}}},
		"no name":     {rejected: []resolve.Rejected{withheld(`GET prefix "/a\b"`, false)}, want: []RefusedRule{{Name: `GET prefix "/a\b"`}}},
		"a table":     {rejected: []resolve.Rejected{{Source: source, Message: "bad"}}},
		"not refused": {rejected: []resolve.Rejected{{Source: source, Message: "bad", RenderFailed: true}}},
		"of another controller": {
			rejected: []resolve.Rejected{withheld("first", false)},
			change:   func(p *gwv1.RouteParentStatus) { p.ControllerName = "other.io/gateway" },
		},
		"of another generation": {
			rejected: []resolve.Rejected{withheld("first", false)}, change: func(p *gwv1.RouteParentStatus) {
				for i := range p.Conditions {
					p.Conditions[i].ObservedGeneration--
				}
			},
		},
		"not understood": {
			rejected: []resolve.Rejected{withheld("first", false)}, change: func(p *gwv1.RouteParentStatus) {
				for i := range p.Conditions {
					p.Conditions[i].Message = `rule "\q": x, rule "open: y`
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			status := Status(result, test.rejected)
			if test.change != nil {
				test.change(&status[0])
			}
			if got := RefusedRules(status, result.Generation); !slices.Equal(got, test.want) {
				t.Errorf("read %v, want %v", got, test.want)
			}
		})
	}
}
