package route

import (
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/xds/ir"
)

func TestRouteStatusRejected(t *testing.T) {
	result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute("rules: [{backendRefs: [{name: web, port: 80}]}]"))
	ours := ir.Source{Kind: "HTTPRoute", Namespace: "app", Name: "web", Section: "first"}
	other := ours
	other.Name = "other"
	for _, tt := range []struct {
		name     string
		rejected []resolve.Rejected
		want     string
		message  string
	}{
		{"nothing", nil, "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs", ""},
		{"of another route", []resolve.Rejected{{Source: other, Message: "bad"}}, "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs", ""},
		{"of this route",
			[]resolve.Rejected{{Source: ours, Message: "invalid regex"}, {Source: other, Message: "bad"}, {Source: ours, Message: "invalid regex"}},
			"Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs gateway.kedify.io/Programmed=False/RejectedByProxy",
			`rule "first": invalid regex`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			statuses := Status(result, tt.rejected)
			if len(statuses) != 1 || statuses[0].ControllerName != "kedify.io/gateway-controller" {
				t.Fatalf("%+v", statuses)
			}
			if got := fixture.Summary(statuses[0].Conditions); got != tt.want {
				t.Errorf("conditions %s, want %s", got, tt.want)
			}
			if tt.message == "" {
				return
			}
			last := statuses[0].Conditions[len(statuses[0].Conditions)-1]
			if strings.Count(last.Message, tt.message) != 1 || strings.Contains(last.Message, "bad") || last.ObservedGeneration != 4 {
				t.Errorf("condition %+v", last)
			}
		})
	}
	if len(result.Parents[0].Conditions) != 2 {
		t.Error("the status changed the result")
	}
}
