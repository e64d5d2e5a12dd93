package trigger

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// ourAddress is a spelling of the address that the chart renders (charts/address_test.go).
const ourAddress = "kedify-gateway.kedify-system.svc:9090"

// changes are metadata keys to set; "-" removes one.
type changes map[string]string

// metadata is the least that is accepted without a word, changed.
func metadata(c changes) map[string]string {
	m := map[string]string{"hosts": "www.shop.test", "service": "web", "port": "8080", "scalingMetric": "requestRate"}
	maps.Copy(m, c)
	maps.DeleteFunc(m, func(_, value string) bool { return value == "-" })
	return m
}

func httpTrigger(c changes) Trigger { return Trigger{Type: "kedify-http", Metadata: metadata(c)} }

// serveAll has the test accept metrics of which this build does not serve the values yet.
func serveAll(t testing.TB) {
	t.Helper()
	before := kinds
	t.Cleanup(func() { kinds = before })
	kinds = slices.Clone(kinds)
	for i := range kinds {
		kinds[i].Served = true
	}
}

func named(name string, t Trigger) Trigger {
	t.Name = name
	return t
}

func shop(triggers ...Trigger) Object {
	return Object{Kind: ScaledObject, Name: "shop", Target: v1alpha1.HTTPScalerTarget{Name: "web"}, Triggers: triggers}
}

func ptr[T any](value T) *T { return &value }

// messages of problems as users read them; warnings are marked.
func messages(problems []Problem) []string {
	var lines []string
	for _, p := range problems {
		if p.Warning {
			lines = append(lines, "warning: "+p.String())
			continue
		}
		lines = append(lines, p.String())
	}
	return lines
}

func wantMessages(t *testing.T, got []Problem, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, messages(got)); diff != "" {
		t.Errorf("messages (- want, + got):\n%s", diff)
	}
}

// accepted parses an object that has one trigger of this product and no errors.
func accepted(t *testing.T, object Object) v1alpha1.HTTPScalerSpec {
	t.Helper()
	result := Parse(object, ourAddress)
	if errors := Errors(result.Problems); len(errors) > 0 {
		t.Fatalf("refused: %q", messages(errors))
	}
	if len(result.Triggers) != 1 || !result.Triggers[0].Accepted {
		t.Fatalf("triggers %+v, want one that is accepted", result.Triggers)
	}
	return result.Triggers[0].Spec
}

// rule is what one trigger is told about some metadata; nil: nothing.
type rule struct {
	metadata changes
	want     []string
}

func wantRules(t *testing.T, rules []rule) {
	t.Helper()
	for _, r := range rules {
		t.Run(fmt.Sprintf("%.60v", r.metadata), func(t *testing.T) {
			result := Parse(shop(httpTrigger(r.metadata)), ourAddress)
			wantMessages(t, result.Problems, r.want...)
			if accepted := len(Errors(result.Problems)) == 0; result.Triggers[0].Accepted != accepted {
				t.Errorf("accepted %v with %q", result.Triggers[0].Accepted, messages(result.Problems))
			}
			for _, p := range result.Problems {
				if !strings.Contains(p.Message, quote(p.Key)) && !strings.Contains(p.Message, p.Key) {
					t.Errorf("message %q does not name the key %q", p.Message, p.Key)
				}
			}
		})
	}
}
