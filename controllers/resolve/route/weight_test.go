package route

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/translate"
)

// largeRules are rules with a header of the given length for each of their matches.
func largeRules(matches, length int) string {
	var text strings.Builder
	text.WriteString("rules:\n")
	for i := range matches {
		fmt.Fprintf(&text, "- {matches: [{path: {value: /p%d}, headers: [{name: x, value: %s}]}], backendRefs: [{name: web, port: 80}]}\n",
			i, strings.Repeat("v", length))
	}
	return text.String()
}

// TestX1RouteIsBounded: what a route makes of configuration is refused by name when it is too much, alone or because it is
// repeated.
func TestX1RouteIsBounded(t *testing.T) {
	names := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("h%d.test", i))
		}
		return "hostnames: [" + strings.Join(all, ", ") + "]\n"
	}
	for name, c := range map[string]struct {
		spec, problem string
		fragments     int
	}{
		"fits":          {largeRules(64, 3000), "", 1},
		"too large":     {largeRules(64, 4096), "The rules of the route make 2", 0},
		"repeated fits": {names(16) + largeRules(64, 3000), "", 16},
		"repeated often": {names(24) + largeRules(64, 3000),
			"parentRefs[0]: the rules of the route would be repeated for 24 pairs of a listener and a hostname", 0},
	} {
		t.Run(name, func(t *testing.T) {
			result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(c.spec))
			if len(result.Fragments) != c.fragments {
				t.Errorf("%d fragments, want %d", len(result.Fragments), c.fragments)
			}
			conditions := onlyParent(t, result).Conditions
			if c.problem == "" {
				return
			}
			if got, want := fixture.Summary(conditions), "Accepted=False/UnsupportedValue ResolvedRefs=True/ResolvedRefs"; got != want {
				t.Errorf("conditions %s, want %s", got, want)
			}
			fixture.ExpectMessage(t, conditions, "Accepted", c.problem, "move rules to another route")
		})
	}
}

// TestX1FiltersCountForEachMatch: a rule repeats its filters and backends for each of its matches.
func TestX1FiltersCountForEachMatch(t *testing.T) {
	one := func(matches int) int {
		paths := make([]string, matches)
		for i := range paths {
			paths[i] = fmt.Sprintf("{path: {value: /p%d}}", i)
		}
		result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(
			"rules: [{matches: ["+strings.Join(paths, ", ")+"], backendRefs: [{name: web, port: 80}], filters: [{type: RequestHeaderModifier, "+
				"requestHeaderModifier: {set: [{name: x, value: "+strings.Repeat("v", 2000)+"}]}}]}]"))
		return weigh(onlyRules(t, result))
	}
	if few, many := one(1), one(60); few < 2000 || many < 60*few*9/10 {
		t.Errorf("weight %d of one match, %d of sixty", few, many)
	}
}

// TestWeightIsThatOfTheTable: the weight is about what the proxies get.
func TestWeightIsThatOfTheTable(t *testing.T) {
	for name, spec := range map[string]string{
		"headers": largeRules(20, 1000),
		"plain":   largeRules(64, 1),
		"filters": `rules: [{matches: [{path: {value: /a}}], backendRefs: [{name: web, port: 80, weight: 1}, {name: web, port: 81, weight: 9}],
			filters: [
{type: URLRewrite, urlRewrite: {hostname: a.test, path: {type: ReplacePrefixMatch, replacePrefixMatch: /b}}},
{type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: a, value: b}], remove: [c]}}]}]`,
	} {
		rules := onlyRules(t, resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(spec)))
		host := ir.Host{Chain: "80", Hostname: "a.test"}
		for _, rule := range rules {
			host.Routes = append(host.Routes, rule.Route)
		}
		_, table, err := translate.Host(host)
		if err != nil {
			t.Fatal(err)
		}
		if weight, sent := weigh(rules), len(table.Body); weight < sent/4 || weight > 3*sent {
			t.Errorf("%s: weight %d, sent %d", name, weight, sent)
		}
	}
}

// TestX1NamesAreBounded: the name of a rule stands in each line of the access log.
func TestX1NamesAreBounded(t *testing.T) {
	value := strings.Repeat("é", 700)
	result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(
		"rules: [{matches: [{headers: [{name: q, value: "+value+"a}]}, {headers: [{name: q, value: "+value+"b}]}], "+
			"backendRefs: [{name: web, port: 80}]}]"))
	rules := onlyRules(t, result)
	if a, b := rules[0].Route.Name, rules[1].Route.Name; a == b || len(a) > 300 || !utf8.ValidString(a) {
		t.Errorf("names %q and %q", a, b)
	}
}
