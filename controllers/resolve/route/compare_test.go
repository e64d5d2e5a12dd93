package route

import (
	"math/rand"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/xds/ir"
)

// TestCompare has one pair for each criterion, the winner first; all criteria below it speak
// for the loser.
func TestCompare(t *testing.T) {
	values := func(n int) []ir.ValueMatch { return make([]ir.ValueMatch, n) }
	rule := func(kind ir.PathMatchKind, path, method string, headers, query int, created int64, owner string, index int) resolve.Rule {
		return resolve.Rule{
			Route: ir.Route{
				Match:  ir.Match{Path: ir.PathMatch{Kind: kind, Value: path}, Method: method, Headers: values(headers), Query: values(query)},
				Source: ir.Source{Kind: "HTTPRoute"},
			},
			Created: created, Owner: types.NamespacedName{Namespace: "ns", Name: owner}, Index: index,
		}
	}
	model := func(r resolve.Rule, name string, regex bool) resolve.Rule {
		r.Route.Match.Model = ir.ModelMatch{Value: name, Regex: regex}
		return r
	}
	const exact, prefix, regex = ir.PathExact, ir.PathPrefix, ir.PathRegex
	tests := []struct {
		name        string
		first, then resolve.Rule
	}{
		{"exact before prefix", rule(exact, "/a", "", 0, 0, 9, "z", 9), rule(prefix, "/aaa", "GET", 9, 9, 1, "a", 0)},
		{"exact before expression", rule(exact, "/a", "", 0, 0, 9, "z", 9), rule(regex, "/a.*", "GET", 9, 9, 1, "a", 0)},
		{"expression before prefix", rule(regex, "/.", "", 0, 0, 9, "z", 9), rule(prefix, "/aaa", "GET", 9, 9, 1, "a", 0)},
		{"longer prefix", rule(prefix, "/aa", "", 0, 0, 9, "z", 9), rule(prefix, "/a", "GET", 9, 9, 1, "a", 0)},
		{"longer expression", rule(regex, "/aa", "", 0, 0, 9, "z", 9), rule(regex, "/a", "GET", 9, 9, 1, "a", 0)},
		{"method", rule(prefix, "/a", "GET", 0, 0, 9, "z", 9), rule(prefix, "/a", "", 9, 9, 1, "a", 0)},
		{"more headers", rule(prefix, "/a", "GET", 2, 0, 9, "z", 9), rule(prefix, "/a", "PUT", 1, 9, 1, "a", 0)},
		{"more parameters", rule(prefix, "/a", "GET", 1, 2, 9, "z", 9), rule(prefix, "/a", "GET", 1, 1, 1, "a", 0)},
		{"a model is a header", model(rule(prefix, "/a", "GET", 1, 0, 9, "z", 9), "m", false), rule(prefix, "/a", "GET", 1, 9, 1, "a", 0)},
		{"and no more than one", rule(prefix, "/a", "GET", 2, 0, 1, "a", 0), model(rule(prefix, "/a", "GET", 1, 0, 9, "z", 9), "m", false)},
		{"a name before an expression for models", model(rule(prefix, "/a", "GET", 0, 0, 9, "z", 9), "m", false),
			model(rule(prefix, "/a", "GET", 0, 0, 1, "a", 0), "m.*", true)},
		{"a header before an expression for models", rule(prefix, "/a", "GET", 1, 0, 9, "z", 9),
			model(rule(prefix, "/a", "GET", 0, 0, 1, "a", 0), "m.*", true)},
		{"longer expression for models", model(rule(prefix, "/a", "GET", 0, 0, 9, "z", 9), "mm.*", true),
			model(rule(prefix, "/a", "GET", 0, 0, 1, "a", 0), "m.*", true)},
		{"older", rule(prefix, "/a", "GET", 1, 1, 1, "z", 9), rule(prefix, "/a", "GET", 1, 1, 2, "a", 0)},
		{"first by name", rule(prefix, "/a", "GET", 1, 1, 1, "a", 9), rule(prefix, "/a", "GET", 1, 1, 1, "b", 0)},
		{"first in the route", rule(prefix, "/a", "GET", 1, 1, 1, "a", 0), rule(prefix, "/a", "GET", 1, 1, 1, "a", 1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if Compare(tt.first, tt.then) >= 0 || Compare(tt.then, tt.first) <= 0 {
				t.Errorf("%d and %d", Compare(tt.first, tt.then), Compare(tt.then, tt.first))
			}
		})
	}
	// The order does not depend on how the rules arrive.
	var all []resolve.Rule
	for i, tt := range tests {
		tt.first.Index, tt.then.Index = 2*i+20, 2*i+21
		all = append(all, tt.first, tt.then)
	}
	want := slices.SortedFunc(slices.Values(all), Compare)
	for seed := range int64(50) {
		rand.New(rand.NewSource(seed)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		got := slices.SortedFunc(slices.Values(all), Compare)
		for i := range want {
			if got[i].Index != want[i].Index {
				t.Fatalf("seed %d: another order at %d", seed, i)
			}
		}
	}
}
