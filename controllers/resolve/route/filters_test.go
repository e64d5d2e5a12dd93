package route

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/xds/ir"
)

func withFilters(filters string) string {
	return fixture.HTTPRoute("rules: [{filters: [" + filters + "], backendRefs: [{name: web, port: 80}]}]")
}

func TestFilters(t *testing.T) {
	web := ir.ClusterKey{Kind: ir.BackendService, Namespace: "app", Name: "web", Port: 82}
	tests := []struct {
		name, filters string
		want          ir.Filters
	}{
		{"request headers",
			`{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: A, value: "1"}], add: [{name: B, value: "2,3"}], remove: [C]}}`,
			ir.Filters{RequestHeaders: &ir.HeaderChange{Set: []ir.Header{{Name: "A", Value: "1"}}, Add: []ir.Header{{Name: "B", Value: "2,3"}},
				Remove: []string{"C"}}}},
		{"response headers", `{type: ResponseHeaderModifier, responseHeaderModifier: {remove: [Server]}}`,
			ir.Filters{ResponseHeaders: &ir.HeaderChange{Remove: []string{"Server"}}}},
		{"rewrite of the host", `{type: URLRewrite, urlRewrite: {hostname: One.Example.org}}`,
			ir.Filters{Rewrite: &ir.Rewrite{Hostname: "one.example.org"}}},
		{"rewrite of the path", `{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /one}}}`,
			ir.Filters{Rewrite: &ir.Rewrite{Path: &ir.PathRewrite{Value: "/one"}}}},
		{"rewrite of the prefix", `{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: ""}}}`,
			ir.Filters{Rewrite: &ir.Rewrite{Path: &ir.PathRewrite{Prefix: true}}}},
		{"mirror of everything", `{type: RequestMirror, requestMirror: {backendRef: {name: web, port: 82}}}`,
			ir.Filters{Mirrors: []ir.Mirror{{Cluster: web, Numerator: 100, Denominator: 100}}}},
		{"mirror of a percentage, twice",
			`{type: RequestMirror, requestMirror: {backendRef: {name: web, port: 82}, percent: 20}}, ` +
				`{type: RequestMirror, requestMirror: {backendRef: {name: web, port: 82}, fraction: {numerator: 5}}}`,
			ir.Filters{Mirrors: []ir.Mirror{{Cluster: web, Numerator: 20, Denominator: 100}, {Cluster: web, Numerator: 5, Denominator: 100}}}},
		{"mirror of a fraction the proxy knows",
			`{type: RequestMirror, requestMirror: {backendRef: {name: web, port: 82}, fraction: {numerator: 5, denominator: 10000}}}`,
			ir.Filters{Mirrors: []ir.Mirror{{Cluster: web, Numerator: 5, Denominator: 10_000}}}},
		{"mirror of another fraction",
			`{type: RequestMirror, requestMirror: {backendRef: {name: web, port: 82}, fraction: {numerator: 2, denominator: 3}}}`,
			ir.Filters{Mirrors: []ir.Mirror{{Cluster: web, Numerator: 666_667, Denominator: 1_000_000}}}},
		{"mirror of nothing", `{type: RequestMirror, requestMirror: {backendRef: {name: web, port: 82}, percent: 0}}`, ir.Filters{}},
		{"CORS", `{type: CORS, cors: {allowOrigins: ["https://*.bar.com:8443", "http://foo", "*"], allowMethods: [GET, "*"], ` +
			`allowHeaders: [x-a, "*"], exposeHeaders: [x-b], allowCredentials: true, maxAge: 60}}`,
			ir.Filters{CORS: &ir.CORS{AllowOrigins: []string{"https://*.bar.com:8443", "http://foo", "*"}, AllowMethods: []string{"GET", "*"},
				AllowHeaders: []string{"x-a", "*"}, ExposeHeaders: []string{"x-b"}, AllowCredentials: true, MaxAge: time.Minute}}},
		{"CORS with defaults", `{type: CORS, cors: {allowOrigins: ["*"]}}`,
			ir.Filters{CORS: &ir.CORS{AllowOrigins: []string{"*"}, MaxAge: 5 * time.Second}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := forwardOf(t, resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, withFilters(tt.filters))).Filters
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// A rule with a filter that cannot be applied answers 500, and the route is not accepted when
// it has no other rule.
func TestBadFilters(t *testing.T) {
	const unsupported, incompatible = "UnsupportedValue", "IncompatibleFilters"
	tests := []struct{ name, filters, reason, field, fix string }{
		{"extension", `{type: ExtensionRef, extensionRef: {group: example.com, kind: Auth, name: a}}`, unsupported,
			`rules[0].filters[0].extensionRef: kind "Auth" of group "example.com"`, "remove the filter"},
		{"unknown", `{type: Cache}`, unsupported, `filters[0].type "Cache"`, "remove the filter"},
		{"body missing", `{type: RequestHeaderModifier}`, unsupported, "filters[0].requestHeaderModifier is missing", "remove the filter"},
		{"header twice", `{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: A, value: "1"}], remove: [a]}}`, unsupported,
			`requestHeaderModifier.remove[0]: header "a" is changed twice`, "keep one"},
		{"host", `{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: Host, value: a}]}}`, unsupported,
			"requestHeaderModifier.set[0]", "use a URLRewrite filter"},
		{"header name", `{type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: "a b", value: "1"}]}}`, unsupported,
			"responseHeaderModifier.add[0]", "correct it"},
		{"header value", `{type: RequestHeaderModifier, requestHeaderModifier: {add: [{name: a, value: "1\n2"}]}}`, unsupported,
			"requestHeaderModifier.add[0]", "correct it"},
		{"rewrite twice", `{type: URLRewrite, urlRewrite: {hostname: a.org}}, {type: URLRewrite, urlRewrite: {hostname: b.org}}`, incompatible,
			"rules[0].filters has URLRewrite twice", "merge"},
		{"rewrite and redirect", `{type: URLRewrite, urlRewrite: {hostname: a.org}}, {type: RequestRedirect, requestRedirect: {hostname: b.org}}`,
			incompatible, "RequestRedirect and URLRewrite", "remove one"},
		{"redirect and backend", `{type: RequestRedirect, requestRedirect: {hostname: b.org}}`, incompatible,
			"RequestRedirect filter and backendRefs", "remove one"},
		{"wildcard host", `{type: URLRewrite, urlRewrite: {hostname: "*.org"}}`, unsupported, `urlRewrite.hostname "*.org"`, "use a name"},
		{"path modifier", `{type: URLRewrite, urlRewrite: {path: {type: Swap}}}`, unsupported,
			`urlRewrite.path.type "Swap"`, "use ReplaceFullPath"},
		{"path without value", `{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath}}}`, unsupported,
			"path.replaceFullPath is missing", "set it"},
		{"relative path", `{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: a}}}`, unsupported,
			`path.replaceFullPath "a"`, "add it"},
		{"mirror of too much", `{type: RequestMirror, requestMirror: {backendRef: {name: web, port: 80}, percent: 101}}`, unsupported,
			"requestMirror mirrors 101 of 100", "use a share"},
		{"mirror of two shares",
			`{type: RequestMirror, requestMirror: {backendRef: {name: web, port: 80}, percent: 1, fraction: {numerator: 1}}}`, unsupported,
			"has percent and fraction", "keep one"},
		{"origin", `{type: CORS, cors: {allowOrigins: ["www.foo.com"]}}`, unsupported, `cors.allowOrigins[0] "www.foo.com"`, "https://"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, withFilters(tt.filters))
			parent := onlyParent(t, result)
			if got, want := fixture.Summary(parent.Conditions), "Accepted=False/"+tt.reason+" ResolvedRefs=True/ResolvedRefs"; got != want {
				t.Errorf("conditions %s, want %s", got, want)
			}
			fixture.ExpectMessage(t, parent.Conditions, "Accepted", tt.field, tt.fix)
			respondsWith(t, result, 500)
		})
	}
}

func TestPrefixReplacementNeedsPrefixMatches(t *testing.T) {
	result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(`
rules:
- matches: [{path: {value: /a}}, {path: {type: Exact, value: /b}}]
  filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /c}}}]
  backendRefs: [{name: web, port: 80}]
`))
	fixture.ExpectMessage(t, onlyParent(t, result).Conditions, "Accepted", "rules[0] replaces a prefix", "use ReplaceFullPath")
	respondsWith(t, result, 500)
}

// A mirror that leads nowhere is reported and left out; the rule goes on without it.
func TestMirrorThatDoesNotResolve(t *testing.T) {
	for name, tt := range map[string]struct{ ref, reason string }{
		"missing":       {"{name: nope, port: 80}", "BackendNotFound"},
		"not permitted": {"{name: web, namespace: other, port: 80}", "RefNotPermitted"},
		"pool":          {"{group: inference.networking.k8s.io, kind: InferencePool, name: chat}", "InvalidKind"},
	} {
		t.Run(name, func(t *testing.T) {
			result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, elsewhere, fixture.ChatPool,
				withFilters("{type: RequestMirror, requestMirror: {backendRef: "+tt.ref+"}}"))
			conditions := onlyParent(t, result).Conditions
			if got, want := fixture.Summary(conditions), "Accepted=True/Accepted ResolvedRefs=False/"+tt.reason; got != want {
				t.Errorf("conditions %s, want %s", got, want)
			}
			fixture.ExpectMessage(t, conditions, "ResolvedRefs", "rules[0].filters[0].requestMirror.backendRef")
			if mirrors := forwardOf(t, result).Filters.Mirrors; len(mirrors) != 0 {
				t.Errorf("mirrors %v", mirrors)
			}
		})
	}
}

func TestRedirect(t *testing.T) {
	tests := []struct {
		name, redirect string
		want           ir.Redirect
	}{
		{"defaults", `{}`, ir.Redirect{StatusCode: 302}},
		{"everything", `{scheme: https, hostname: Example.org, port: 8443, statusCode: 308, path: {type: ReplaceFullPath, replaceFullPath: /a}}`,
			ir.Redirect{Scheme: "https", Hostname: "example.org", Port: 8443, StatusCode: 308, Path: &ir.PathRewrite{Value: "/a"}}},
		{"prefix", `{path: {type: ReplacePrefixMatch, replacePrefixMatch: /b}, statusCode: 301}`,
			ir.Redirect{StatusCode: 301, Path: &ir.PathRewrite{Prefix: true, Value: "/b"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			result := resolveHTTP(t, fixture.HTTPGateway,
				fixture.HTTPRoute("rules: [{filters: [{type: RequestRedirect, requestRedirect: "+tt.redirect+"}]}]"))
			got, ok := onlyRules(t, result)[0].Route.Action.(*ir.Redirect)
			if !ok || !reflect.DeepEqual(*got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
	for field, redirect := range map[string]string{
		"scheme":     `{scheme: ftp}`,
		"statusCode": `{statusCode: 300}`,
		"port":       `{port: 0}`,
		"hostname":   `{hostname: "*.org"}`,
	} {
		result := resolveHTTP(t, fixture.HTTPGateway,
			fixture.HTTPRoute("rules: [{filters: [{type: RequestRedirect, requestRedirect: "+redirect+"}]}]"))
		fixture.ExpectMessage(t, onlyParent(t, result).Conditions, "Accepted", "rules[0].filters[0].requestRedirect."+field)
		respondsWith(t, result, 500)
	}
}

func TestTargetFilters(t *testing.T) {
	result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(`
rules:
- backendRefs:
  - name: web
    port: 80
    filters:
    - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: b}]}}
    - {type: ResponseHeaderModifier, responseHeaderModifier: {remove: [c]}}
    - {type: URLRewrite, urlRewrite: {hostname: A.org, path: {type: ReplacePrefixMatch, replacePrefixMatch: /d}}}
`))
	want := ir.TargetFilters{
		RequestHeaders:  &ir.HeaderChange{Set: []ir.Header{{Name: "a", Value: "b"}}},
		ResponseHeaders: &ir.HeaderChange{Remove: []string{"c"}},
		Rewrite:         &ir.Rewrite{Hostname: "a.org", Path: &ir.PathRewrite{Prefix: true, Value: "/d"}},
	}
	if got := forwardOf(t, result).Targets[0].Filters; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for filter, message := range map[string][2]string{
		"{type: CORS, cors: {}}":                              {`rules[0].backendRefs[0].filters[0].type "CORS"`, "filters of the rule"},
		`{type: URLRewrite, urlRewrite: {hostname: "*.org"}}`: {"backendRefs[0].filters[0].urlRewrite.hostname", "use a name"},
		"{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /c}}}": {
			"rules[0].backendRefs[0] replaces a prefix", "use ReplaceFullPath"},
	} {
		result = resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(
			"rules: [{matches: [{path: {type: Exact, value: /b}}], backendRefs: [{name: web, port: 80, filters: ["+filter+"]}]}]"))
		fixture.ExpectMessage(t, onlyParent(t, result).Conditions, "Accepted", message[0], message[1])
		respondsWith(t, result, 500)
	}
}

func TestTimeoutsAndRetry(t *testing.T) {
	ms := func(n int) *time.Duration { d := time.Duration(n) * time.Millisecond; return &d }
	tests := []struct {
		name, rule string
		timeouts   ir.Timeouts
		retry      *ir.Retry
		problem    string // empty: served
	}{
		{name: "none", rule: "{}"},
		{name: "timeouts", rule: "{timeouts: {request: 1m30s, backendRequest: 500ms}}",
			timeouts: ir.Timeouts{Request: ms(90_000), BackendRequest: ms(500)}},
		{name: "zero is none", rule: "{timeouts: {request: 0s, backendRequest: 0s}}",
			timeouts: ir.Timeouts{Request: ms(0), BackendRequest: ms(0)}},
		{name: "attempt longer than the request", rule: "{timeouts: {request: 1s, backendRequest: 2s}}",
			problem: "rules[0].timeouts.backendRequest is longer"},
		{name: "attempt in a request without limit", rule: "{timeouts: {request: 0s, backendRequest: 2s}}",
			timeouts: ir.Timeouts{Request: ms(0), BackendRequest: ms(2000)}},
		{name: "no duration", rule: "{timeouts: {request: 1.5s}}", problem: `rules[0].timeouts.request "1.5s" is not a duration`},
		{name: "negative", rule: "{timeouts: {request: -1s}}", problem: "is not a duration"},
		{name: "too fine", rule: "{timeouts: {request: 10us}}", problem: "is not a duration"},
		{name: "retry", rule: "{retry: {codes: [500, 503], attempts: 3, backoff: 100ms}}",
			retry: &ir.Retry{Attempts: 3, Codes: []uint32{500, 503}, Backoff: *ms(100)}},
		{name: "retry for ever", rule: "{retry: {attempts: 99999999999}}", retry: &ir.Retry{Attempts: 1000}},
		{name: "retry with defaults", rule: "{retry: {}}", retry: &ir.Retry{Attempts: 1}},
		{name: "retry zero times", rule: "{retry: {attempts: 0, codes: [500]}}"},
		{name: "retry of successes", rule: "{retry: {codes: [200]}}", problem: "rules[0].retry.codes[0] is 200"},
		{name: "negative attempts", rule: "{retry: {attempts: -1}}", problem: "rules[0].retry.attempts is negative"},
		{name: "backoff", rule: "{retry: {backoff: soon}}", problem: `rules[0].retry.backoff "soon"`},
		{name: "session persistence", rule: "{sessionPersistence: {type: Header, header: {name: a}}}",
			problem: "rules[0].sessionPersistence is not supported; remove it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rule := strings.TrimSuffix(tt.rule, "}") + ", backendRefs: [{name: web, port: 80}]}"
			rule = strings.Replace(rule, "{, ", "{", 1)
			result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute("rules: ["+rule+"]"))
			if tt.problem != "" {
				fixture.ExpectMessage(t, onlyParent(t, result).Conditions, "Accepted", tt.problem)
				respondsWith(t, result, 500)
				return
			}
			forward := forwardOf(t, result)
			if !reflect.DeepEqual(forward.Timeouts, tt.timeouts) || !reflect.DeepEqual(forward.Retry, tt.retry) {
				t.Errorf("got %+v and %+v, want %+v and %+v", forward.Timeouts, forward.Retry, tt.timeouts, tt.retry)
			}
		})
	}
}
