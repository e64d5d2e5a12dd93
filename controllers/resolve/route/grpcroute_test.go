package route

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/store"
)

func TestGRPCMatches(t *testing.T) {
	tests := []struct{ match, want string }{
		{`{}`, "prefix /"},
		{`{method: {service: a.B, method: C}}`, "exact /a.B/C"},
		{`{method: {service: a.B}}`, "prefix /a.B"},
		{`{method: {method: C}}`, "regex /[^/]+/C"},
		{`{method: {type: Exact}}`, "prefix /"},
		{`{method: {type: RegularExpression, service: "a|b"}}`, "regex /(?:a|b)/[^/]+"},
		{`{method: {type: RegularExpression, method: "Get.*"}}`, "regex /[^/]+/(?:Get.*)"},
		{`{method: {type: RegularExpression, service: a, method: b}}`, "regex /(?:a)/(?:b)"},
		{`{headers: [{name: Version, value: "2"}, {name: x, type: RegularExpression, value: "a|b"}]}`, "prefix / header version=2 x~a|b"},
	}
	for _, tt := range tests {
		t.Run(tt.match, func(t *testing.T) {
			result := resolveRoute(t, store.GRPCRoute, fixture.HTTPGateway, fixture.WebService,
				fixture.Route("GRPCRoute", "web", "rules: [{matches: ["+tt.match+"], backendRefs: [{name: web, port: 80}]}]"))
			if got := matchWords(onlyRules(t, result)[0].Route.Match); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	for match, field := range map[string]string{
		`{method: {service: "a/b"}}`:                                                   `rules[0].matches[0].method.service "a/b"`,
		`{method: {service: a, method: "b c"}}`:                                        `method.method "b c"`,
		`{method: {type: RegularExpression, service: "("}}`:                            `method.service "("`,
		`{method: {type: RegularExpression, service: 'a)(?:b'}}`:                       `method.service "a)(?:b"`,
		`{method: {type: RegularExpression, method: '\p{Lu}.*'}}`:                      `method.method "\\p{Lu}.*"`,
		`{method: {type: RegularExpression, service: '(?P<n>a)', method: '(?P<n>b)'}}`: `two groups have the name n`,
		`{method: {type: Glob, service: a}}`:                                           `method.type "Glob"`,
		`{headers: [{name: a, type: RegularExpression, value: "("}]}`:                  `headers[0].value "("`,
		`{headers: [{name: X-Gateway-Model-Name, value: red}]}`:                        `stands for the model in a JSON body`,
	} {
		result := resolveRoute(t, store.GRPCRoute, fixture.HTTPGateway, fixture.WebService,
			fixture.Route("GRPCRoute", "web", "rules: [{matches: ["+match+"], backendRefs: [{name: web, port: 80}]}]"))
		parent := onlyParent(t, result)
		if got, want := fixture.Summary(parent.Conditions), "Accepted=False/UnsupportedValue ResolvedRefs=True/ResolvedRefs"; got != want {
			t.Errorf("%s: conditions %s, want %s", match, got, want)
		}
		fixture.ExpectMessage(t, parent.Conditions, "Accepted", field)
	}
}

// The order of the API: most characters of the service, then of the method, then headers.
func TestGRPCPrecedence(t *testing.T) {
	result := resolveRoute(t, store.GRPCRoute, fixture.HTTPGateway, fixture.WebService, fixture.Route("GRPCRoute", "web", `
rules:
- {matches: [{}], backendRefs: [{name: web, port: 80}]}
- {matches: [{method: {method: LongMethodName}}], backendRefs: [{name: web, port: 80}]}
- {matches: [{method: {service: a.B}}], backendRefs: [{name: web, port: 80}]}
- {matches: [{method: {service: a.B}, headers: [{name: x, value: "1"}]}], backendRefs: [{name: web, port: 80}]}
- {matches: [{method: {service: a.B, method: C}}], backendRefs: [{name: web, port: 80}]}
- {matches: [{method: {method: Short}}], backendRefs: [{name: web, port: 80}]}
`))
	var got []string
	for _, rule := range mergeRules(result.Fragments) {
		got = append(got, matchWords(rule.Route.Match))
	}
	fixture.EqualSlices(t, "order", got, []string{
		"exact /a.B/C", "prefix /a.B header x=1", "prefix /a.B", "regex /[^/]+/LongMethodName", "regex /[^/]+/Short", "prefix /",
	})
}

func TestGRPCFilters(t *testing.T) {
	result := resolveRoute(t, store.GRPCRoute, fixture.HTTPGateway, fixture.WebService, fixture.Route("GRPCRoute", "web", `
rules:
- filters:
  - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: b}]}}
  - {type: RequestMirror, requestMirror: {backendRef: {name: web, port: 80}}}
  backendRefs:
  - {name: web, port: 81, filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {remove: [c]}}]}
`))
	forward := forwardOf(t, result)
	if forward.Filters.RequestHeaders == nil || forward.Targets[0].Filters.ResponseHeaders == nil {
		t.Errorf("%+v", forward)
	}
	if got := fmt.Sprint(forward.Filters.Mirrors[0].Cluster); !strings.HasSuffix(got, "/80/grpc") {
		t.Errorf("mirror to %s", got)
	}
}
