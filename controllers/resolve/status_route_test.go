package resolve

import (
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/xds/ir"
)

func TestRouteStatusRejected(t *testing.T) {
	result := resolveHTTP(t, httpGateway, webService, routeYAML("rules: [{backendRefs: [{name: web, port: 80}]}]"))
	ours := ir.Source{Kind: "HTTPRoute", Namespace: "app", Name: "web", Section: "first"}
	other := ours
	other.Name = "other"
	for _, tt := range []struct {
		name     string
		rejected []Rejected
		want     string
		message  string
	}{
		{"nothing", nil, "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs", ""},
		{"of another route", []Rejected{{Source: other, Message: "bad"}}, "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs", ""},
		{"of this route", []Rejected{{Source: ours, Message: "invalid regex"}, {Source: other, Message: "bad"}, {Source: ours, Message: "invalid regex"}},
			"Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs gateway.kedify.io/Programmed=False/RejectedByProxy", `rule "first": invalid regex`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			statuses := RouteStatus(result, tt.rejected)
			if len(statuses) != 1 || statuses[0].ControllerName != "kedify.io/gateway-controller" {
				t.Fatalf("%+v", statuses)
			}
			if got := summary(statuses[0].Conditions); got != tt.want {
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

// Conditions are bounded and name each fault once.
func TestJoinMessages(t *testing.T) {
	var faults []refusal
	for _, text := range strings.Fields("a a b c d e f g h i j") {
		faults = append(faults, refusal{reason: "X", message: text + "."})
	}
	if got, want := joinMessages(faults), "a. b. c. d. e. f. g. h. And 2 more."; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
