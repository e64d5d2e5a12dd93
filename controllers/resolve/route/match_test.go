package route

import (
	"strings"
	"testing"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/regex"
)

func TestHTTPMatches(t *testing.T) {
	tests := []struct{ name, match, want, text string }{
		{"default", `{}`, `prefix /`, "/*"},
		{"path without type", `{path: {value: /a}}`, `prefix /a`, "/a*"},
		{"path without value", `{path: {type: Exact}}`, `exact /`, "/"},
		{"trailing slash of a prefix", `{path: {type: PathPrefix, value: /a/}}`, `prefix /a`, "/a*"},
		{"trailing slash of an exact path", `{path: {type: Exact, value: /a/}}`, `exact /a/`, "/a/"},
		{"regular expression", `{path: {type: RegularExpression, value: "/v[0-9]+"}}`, `regex /v[0-9]+`, "~/v[0-9]+"},
		{"method", `{method: PATCH}`, `PATCH prefix /`, "PATCH /*"},
		{"headers", `{headers: [{name: X-A, value: "1"}, {name: x-b, type: RegularExpression, value: "a|b"}]}`,
			`prefix / header x-a=1 x-b~a|b`, "/* header x-a=1 header x-b~a|b"},
		{"first of one header", `{headers: [{name: X-A, value: "1"}, {name: x-a, value: "2"}]}`, `prefix / header x-a=1`, "/* header x-a=1"},
		{"query, case counts", `{queryParams: [{name: q, value: "1"}, {name: Q, value: "2"}, {name: q, value: "3"}]}`,
			`prefix / query q=1 Q=2`, "/* query q=1 query Q=2"},
		{"model", `{headers: [{name: X-Gateway-Model-Name, value: org/red-8b}, {name: x-a, value: "1"}], queryParams: [{name: q, value: "1"}]}`,
			`prefix / header x-a=1 query q=1 model =org/red-8b`, "/* header x-a=1 query q=1 model=org/red-8b"},
		{"models", `{headers: [{name: x-gateway-model-name, type: RegularExpression, value: "red|blue.*"}]}`,
			`prefix / model ~red|blue.*`, "/* model~red|blue.*"},
		{"a bad duplicate is not looked at as a match", `{headers: [{name: a, value: "1"}, {name: A, type: RegularExpression, value: "("}]}`,
			`prefix / header a=1`, "/* header a=1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(
				"rules: [{matches: ["+tt.match+"], backendRefs: [{name: web, port: 80}]}]"))
			rules := onlyRules(t, result)
			if got := matchWords(rules[0].Route.Match); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if want := "HTTPRoute/app/web/" + tt.text; rules[0].Route.Name != want {
				t.Errorf("name %s, want %s", rules[0].Route.Name, want)
			}
		})
	}
}

func matchWords(m ir.Match) string {
	words := []string{m.Method, string(m.Path.Kind), m.Path.Value}
	if m.Method == "" {
		words = words[1:]
	}
	for _, list := range []struct {
		label  string
		values []ir.ValueMatch
	}{{"header", m.Headers}, {"query", m.Query}} {
		if len(list.values) > 0 {
			words = append(words, list.label)
		}
		for _, value := range list.values {
			operator := "="
			if value.Regex {
				operator = "~"
			}
			words = append(words, value.Name+operator+value.Value)
		}
	}
	switch {
	case m.Model.Regex:
		words = append(words, "model", "~"+m.Model.Value)
	case !m.Model.Any():
		words = append(words, "model", "="+m.Model.Value)
	}
	return strings.Join(words, " ")
}

// A match that no proxy would take is left out, and the other matches of its rule answer 500;
// the message names the field and says what to do.
func TestBadMatches(t *testing.T) {
	tests := []struct{ name, match, field, fix string }{
		{"path expression", `{path: {type: RegularExpression, value: "/("}}`, `rules[0].matches[1].path.value "/("`, "RE2"},
		{"path expression of Go", `{path: {type: RegularExpression, value: '/tag/\p{Letter}+'}}`,
			`rules[0].matches[1].path.value "/tag/\\p{Letter}+"`, "list the characters"},
		{"empty path expression", `{path: {type: RegularExpression, value: ""}}`, `rules[0].matches[1].path.value ""`, "it is empty"},
		{"large path expression", `{path: {type: RegularExpression, value: "(a|b|cc|dd){999}"}}`, `path.value "(a|b|cc|dd){999}"`,
			"more than 10000 instructions"},
		{"path type", `{path: {type: Glob, value: /a}}`, `rules[0].matches[1].path.type "Glob"`, "use Exact"},
		{"relative path", `{path: {value: a}}`, `rules[0].matches[1].path.value "a"`, `begin with "/"`},
		{"double slash", `{path: {value: /a//b}}`, `path.value "/a//b"`, `use one "/"`},
		{"query in path", `{path: {value: "/a?b=c"}}`, `path.value`, "use queryParams"},
		{"space in path", `{path: {value: "/a b"}}`, `path.value`, "percent-encoded"},
		{"dot segment", `{path: {value: /a/../b}}`, `path.value`, "segment"},
		{"header expression", `{headers: [{name: a, type: RegularExpression, value: "["}]}`, `rules[0].matches[1].headers[0].value "["`, "RE2"},
		{"header type", `{headers: [{name: a, type: Prefix, value: b}]}`, `headers[0].type "Prefix"`, "use Exact"},
		{"header name", `{headers: [{name: "a b", value: c}]}`, `headers[0] "a b"`, "correct it"},
		{"header value", `{headers: [{name: a, value: "b\nc"}]}`, `headers[0] "a"`, "correct it"},
		{"query expression", `{queryParams: [{name: a, type: RegularExpression, value: "*"}]}`, `queryParams[0].value "*"`, "RE2"},
		{"query expression of Go", `{queryParams: [{name: a, type: RegularExpression, value: '\pL'}]}`, `queryParams[0].value "\\pL"`, "RE2"},
		{"header expression with an end of line", `{headers: [{name: a, type: RegularExpression, value: "b\n"}]}`, `headers[0].value "b\n"`,
			"which no request has"},
		{"model that no header carries", `{headers: [{name: X-Gateway-Model-Name, value: "grün"}]}`, `headers[0].value "grün"`, "printable ASCII"},
		{"model with a space", `{headers: [{name: X-Gateway-Model-Name, value: "red "}]}`, `headers[0].value "red "`, "correct it"},
		{"long model", `{headers: [{name: X-Gateway-Model-Name, value: ` + strings.Repeat("m", 257) + `}]}`, `headers[0].value`, "256 bytes"},
		{"empty model expression", `{headers: [{name: X-Gateway-Model-Name, type: RegularExpression, value: ""}]}`, `headers[0].value is empty`, "write"},
		{"model expression", `{headers: [{name: X-Gateway-Model-Name, type: RegularExpression, value: "("}]}`, `headers[0].value "("`, "RE2"},
		{"method", `{method: get}`, `method "get"`, "use one like GET"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(`
rules:
- {matches: [{path: {value: /fine}}, `+tt.match+`], backendRefs: [{name: web, port: 80}]}
- {matches: [{path: {value: /other}}], backendRefs: [{name: web, port: 80}]}
`))
			rules := onlyRules(t, result)
			if len(rules) != 2 {
				t.Fatalf("%d rules, want 2", len(rules))
			}
			if _, ok := rules[0].Route.Action.(*ir.Respond); !ok {
				t.Errorf("/fine does %+v, want 500", rules[0].Route.Action)
			}
			if _, ok := rules[1].Route.Action.(*ir.Forward); !ok {
				t.Errorf("/other does %+v, want a forward", rules[1].Route.Action)
			}
			conditions := onlyParent(t, result).Conditions
			got, want := fixture.Summary(conditions), "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs PartiallyInvalid=True/UnsupportedValue"
			if got != want {
				t.Errorf("conditions %s, want %s", got, want)
			}
			fixture.ExpectMessage(t, conditions, "PartiallyInvalid", "Dropped Rule", tt.field, tt.fix)
		})
	}
}

// A route none of whose rules can be served is not accepted, and says why; what its matches
// would have taken is answered 500.
func TestAllRulesBad(t *testing.T) {
	result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(`
rules:
- {matches: [{path: {value: /a}}, {headers: [{name: a, type: RegularExpression, value: "["}]}], backendRefs: [{name: web, port: 80}]}
`))
	parent := onlyParent(t, result)
	if got, want := fixture.Summary(parent.Conditions), "Accepted=False/UnsupportedValue ResolvedRefs=True/ResolvedRefs"; got != want {
		t.Errorf("conditions %s, want %s", got, want)
	}
	if len(parent.Attached) != 0 {
		t.Errorf("attached to %v", parent.Attached)
	}
	respondsWith(t, result, 500)
}

func FuzzPathMatch(f *testing.F) {
	for _, value := range []string{"/", "/a/", "//", "/a?b", "/%2f", "", "/.", "[", "/é"} {
		f.Add(value, "PathPrefix")
		f.Add(value, "RegularExpression")
	}
	f.Fuzz(func(t *testing.T, value, kind string) {
		pathType := gwv1.PathMatchType(kind)
		path, problem := pathMatch("path", &gwv1.HTTPPathMatch{Type: &pathType, Value: &value}, &regex.Budget{})
		if !problem.None() {
			if problem.Message == "" || problem.Reason == "" {
				t.Errorf("problem without words: %+v", problem)
			}
			return
		}
		if path.Kind == ir.PathPrefix && path.Value != "/" && strings.HasSuffix(path.Value, "/") {
			t.Errorf("prefix %q ends in a slash", path.Value)
		}
		if path.Kind != ir.PathRegex && !strings.HasPrefix(path.Value, "/") {
			t.Errorf("path %q is relative", path.Value)
		}
	})
}
