package route

import (
	"reflect"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/resolve/listener"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// The numbers are those of the table in test/README.md.

// TestG3PathsOfRules: a path is compared in the form that the proxy gives those of requests.
func TestG3PathsOfRules(t *testing.T) {
	for value, want := range map[string]string{
		"/%7Ejoe": "/~joe", "/%7ejoe/": "/~joe", "/a%2Db": "/a-b", "/x%2Ey": "/x.y", "/%41bc": "/Abc",
		"/caf%c3%a9": "/caf%C3%A9", "/a%20b": "/a%20b",
		"/.well-known": "/.well-known", "/a%2E%2E": "/a..", "/%2E%2E%2E": "/...",
	} {
		result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(
			`rules: [{matches: [{path: {value: "`+value+`"}}, {path: {type: Exact, value: "`+value+`"}}], backendRefs: [{name: web, port: 80}]}]`))
		rules := onlyRules(t, result)
		if got := rules[0].Route.Match.Path.Value; got != want {
			t.Errorf("prefix %s is compared as %s, want %s", value, got, want)
		}
		if got := rules[1].Route.Match.Path.Value; got != want && got != want+"/" {
			t.Errorf("exact path %s is compared as %s, want %s", value, got, want)
		}
	}
	const rewrite = `{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: "`
	const redirect = `{type: RequestRedirect, requestRedirect: {path: {type: ReplaceFullPath, replaceFullPath: "`
	for _, path := range []string{"/a/%2e%2E/b", "/%2E", "/.%2e/a", "/%2e.", `/a\\b`, `/\\..\\a`} {
		for field, spec := range map[string]string{
			"matches[0].path.value":                           `matches: [{path: {type: Exact, value: "` + path + `"}}]`,
			"filters[0].urlRewrite.path.replacePrefixMatch":   "filters: [" + rewrite + path + `"}}}]`,
			"filters[0].requestRedirect.path.replaceFullPath": "filters: [" + redirect + path + `"}}}]`,
		} {
			result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(`rules: [{`+spec+`}]`))
			conditions := onlyParent(t, result).Conditions
			if got, want := fixture.Summary(conditions), "Accepted=False/UnsupportedValue ResolvedRefs=True/ResolvedRefs"; got != want {
				t.Errorf("%s %s: conditions %s, want %s", field, path, got, want)
			}
			fixture.ExpectMessage(t, conditions, "Accepted", field)
		}
	}
}

// TestG11MatchesThatNoRequestMeets: what no request can carry is refused, and the message says how a
// request carries what was probably meant.
func TestG11MatchesThatNoRequestMeets(t *testing.T) {
	for match, words := range map[string][]string{
		`{queryParams: [{name: tag, value: "a b"}]}`: {`queryParams[0].value "a b"`,
			`write "a%20b"`},
		`{queryParams: [{name: tag, value: "é"}]}`: {`queryParams[0].value "é"`,
			`write "%C3%A9"`},
		`{queryParams: [{name: tag, value: "a&b#c"}]}`: {`queryParams[0].value "a&b#c"`,
			`write "a%26b%23c"`},
		`{queryParams: [{name: tag, value: "a\tb"}]}`: {`queryParams[0].value`, `write "a%09b"`},
		`{queryParams: [{name: "a&b", value: "1"}]}`: {`queryParams[0].name "a&b"`,
			`write "a%26b"`},
		`{queryParams: [{name: "a#b", value: "1"}]}`: {`queryParams[0].name "a#b"`,
			`write "a%23b"`},
		`{queryParams: [{name: "a=b", value: "1"}]}`: {`queryParams[0].name "a=b"`,
			`write "a%3Db"`},
		`{headers: [{name: tag, value: " a"}]}`: {`headers[0] "tag"`,
			"begins or ends with a space"},
		`{headers: [{name: tag, value: "a\t"}]}`: {`headers[0] "tag"`,
			"begins or ends with a space"},
		`{headers: [{name: X-Envoy-Attempt-Count, value: "1"}]}`: {`headers[0].name "x-envoy-attempt-count"`,
			"the proxy removes this header"},
		`{headers: [{name: x-gateway-destination-endpoint, type: RegularExpression, value: ".*"}]}`: {`headers[0].name`, "match another one"},
		`{headers: [{name: transfer-encoding, value: "chunked"}]}`:                                  {`headers[0].name`, "match another one"},
		`{method: CONNECT}`: {`method "CONNECT"`, "use another method"},
		`{queryParams: [{type: RegularExpression, name: "a&b", value: ".*"}]}`: {`queryParams[0].name "a&b"`, `write "a%26b"`},
		`{queryParams: [{type: RegularExpression, name: "a#b", value: ".*"}]}`: {`queryParams[0].name "a#b"`, `write "a%23b"`},
		`{headers: [{name: X-Gw-Host, value: "a.test"}]}`:                      {`headers[0].name "x-gw-host"`, "match another one"},
		`{headers: [{name: Connection, value: close}]}`: {`headers[0] "connection"`, `removes "close"`,
			"match another one"},
		`{headers: [{name: Upgrade, value: h2c}]}`:         {`headers[0] "upgrade"`, "match another one"},
		`{headers: [{name: TE, value: gzip}]}`:             {`headers[0] "te"`, "match another one"},
		`{headers: [{name: Expect, value: 100-Continue}]}`: {`headers[0] "expect"`, "match another one"},
		`{path: {type: Exact, value: "/100%"}}`:            {`path.value "/100%"`, "write %25"},
		`{path: {value: "/a%4/b"}}`:                        {`path.value "/a%4/b"`, "write %25"},
	} {
		result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(
			"rules: [{matches: ["+match+"], backendRefs: [{name: web, port: 80}]}]"))
		conditions := onlyParent(t, result).Conditions
		if got, want := fixture.Summary(conditions), "Accepted=False/UnsupportedValue ResolvedRefs=True/ResolvedRefs"; got != want {
			t.Errorf("%s: conditions %s, want %s", match, got, want)
		}
		fixture.ExpectMessage(t, conditions, "Accepted", words...)
	}
	for name, value := range map[string]string{
		"x-envoy-external-address": "v", "x-gateway-inference-objective": "v", "host": "v",
		"upgrade": "WebSocket", "connection": "'keep-alive, Upgrade'", "te": "trailers", "expect": "x", "content-length": "'0'",
	} {
		result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(
			"rules: [{matches: [{headers: [{name: "+name+", value: "+value+"}]}], backendRefs: [{name: web, port: 80}]}]"))
		if got := onlyRules(t, result)[0].Route.Match.Headers; len(got) != 1 || got[0].Name != name {
			t.Errorf("a match of %s is %v", name, got)
		}
	}
	for _, value := range []string{"a%20b", "a+b", "100%", "v1/models", "a=b", "", "~!$'()*,;:@?[]"} {
		result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(
			`rules: [{matches: [{queryParams: [{name: tag, value: "`+value+`"}]}], backendRefs: [{name: web, port: 80}]}]`))
		if got := onlyRules(t, result)[0].Route.Match.Query[0].Value; got != value {
			t.Errorf("%q is compared as %q", value, got)
		}
	}
}

// TestG8RulesOfOneAge: of rules that match alike, the first by "namespace/name" of its route wins.
func TestG8RulesOfOneAge(t *testing.T) {
	of := func(namespace string) resolve.Rule {
		return resolve.Rule{Created: 1, Owner: fixture.Key(namespace, "tie"), Route: ir.Route{Match: ir.Match{Path: ir.PathMatch{Value: "/"}}}}
	}
	if Compare(of("team-a"), of("team")) >= 0 || Compare(of("team"), of("team-a")) <= 0 {
		t.Error("team/tie stands before team-a/tie")
	}
}

// TestG7BothKindsServeOneHost: a GRPCRoute and an HTTPRoute whose hostnames overlap are both accepted,
// whichever is older, and the paths of requests tell them apart (Gateway API v1.7: MAY).
func TestG7BothKindsServeOneHost(t *testing.T) {
	grpc := fixture.Route("GRPCRoute", "web", `
hostnames: ["*.mix.test"]
rules: [{matches: [{method: {service: a.B}}], backendRefs: [{name: web, port: 80}]}]`)
	http := fixture.HTTPRoute(`
hostnames: ["a.mix.test"]
rules: [{matches: [{path: {value: /shop}}], backendRefs: [{name: web, port: 80}]}]`)
	const accepted = "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs"
	var fragments []resolve.Fragment
	for _, kind := range []store.Kind{store.GRPCRoute, store.HTTPRoute} {
		result := resolveRoute(t, kind, fixture.HTTPGateway, fixture.WebService, grpc, http)
		if got := fixture.Summary(onlyParent(t, result).Conditions); got != accepted {
			t.Errorf("%s: conditions %s, want %s", kind, got, accepted)
		}
		fragments = append(fragments, result.Fragments...)
	}
	gateway := listener.Gateway(fixture.Store(t, fixture.HTTPGateway, fixture.Class).View(nil), fixture.GatewayKey, class.Setting{})
	host, _ := Host(gateway, gateway.Listeners[0].Chain, "a.mix.test", func(id resolve.ListenerID, hostname string) (of []resolve.Fragment) {
		for _, fragment := range fragments {
			if fragment.Listener == id && fragment.Hostname == hostname {
				of = append(of, fragment)
			}
		}
		return of
	})
	var paths []string
	for _, rule := range host.Routes {
		paths = append(paths, rule.Match.Path.Value)
	}
	fixture.EqualSlices(t, "paths of a.mix.test", paths, []string{"/shop", "/a.B"})
}

// TestG9HeadersThatTheProxyWrites: what a rule says about a header is what the other side sees. So a header that the proxy
// writes itself is refused, in a filter of a rule and of a backend, of both kinds of routes: the end of a message on its
// connection above all, since a backend that believes another one takes the rest of the body for the next request.
func TestG9HeadersThatTheProxyWrites(t *testing.T) {
	const request, response = "RequestHeaderModifier, requestHeaderModifier", "ResponseHeaderModifier, responseHeaderModifier"
	set := func(name, value string) string { return "{set: [{name: " + name + ", value: '" + value + "'}]}" }
	add := func(name, value string) string { return "{add: [{name: " + name + ", value: '" + value + "'}]}" }
	remove := func(name string) string { return "{remove: [" + name + "]}" }
	type change struct{ kind, spec string }
	refused := map[change]string{
		{request, set("X-Envoy-Retry-On", "5xx")}: "use another name", {request, add("x-gw-host", "a")}: "use another name",
		{response, remove("Date")}: "RFC 9110 6.6.1",
	}
	for _, name := range []string{"Connection", "Content-Length", "Keep-Alive", "Proxy-Connection", "TE", "Transfer-Encoding", "Upgrade"} {
		for _, kind := range []string{request, response} {
			refused[change{kind, set(name, "3")}], refused[change{kind, add(name, "3")}] = "remove it here", "remove it here"
		}
	}
	served := []change{
		{request, set("te", "Trailers")}, {request, remove("Content-Length")}, {request, remove("Connection")},
		{request, remove("x-envoy-external-address")},
		{request, set("x-envoy-external-address", "a")}, {request, remove("Date")}, {request, set("x-forwarded-for", "a")},
		{request, remove("X-Request-Id")},
		{response, set("Date", "a")}, {response, remove("Transfer-Encoding")}, {response, remove("Server")},
		{response, set("x-envoy-a", "a")}, {response, set("Trailer", "a")},
	}
	of := func(kind store.Kind, c change, ofBackend bool) string {
		kindOf, field, _ := strings.Cut(c.kind, ", ")
		filter, rule := "filters: [{type: "+kindOf+", "+field+": "+c.spec+"}]", "{backendRefs: [{name: web, port: 80}], FILTER}"
		if ofBackend {
			rule = "{backendRefs: [{name: web, port: 80, FILTER}]}"
		}
		return fixture.Route(string(kind), "web", "rules: ["+strings.Replace(rule, "FILTER", filter, 1)+"]")
	}
	for _, kind := range []store.Kind{store.HTTPRoute, store.GRPCRoute} {
		for _, ofBackend := range []bool{false, true} {
			for c, words := range refused {
				result := resolveRoute(t, kind, fixture.HTTPGateway, fixture.WebService, of(kind, c, ofBackend))
				fixture.ExpectMessage(t, onlyParent(t, result).Conditions, "Accepted", "filters[0]."+strings.Split(c.kind, ", ")[1], words)
				respondsWith(t, result, 500)
			}
			for _, c := range served {
				conditions := onlyParent(t, resolveRoute(t, kind, fixture.HTTPGateway, fixture.WebService, of(kind, c, ofBackend))).Conditions
				if got, want := fixture.Summary(conditions), "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs"; got != want {
					t.Errorf("%s %v: conditions %s, want %s", kind, c, got, want)
				}
			}
		}
	}
}

// TestG11OriginsThatNoBrowserSends: an origin is compared in the form in which browsers send it, and what cannot have one is refused.
func TestG11OriginsThatNoBrowserSends(t *testing.T) {
	with := func(spec string) resolve.RouteResult {
		return resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, withFilters("{type: CORS, cors: {"+spec+"}}"))
	}
	for written, want := range map[string]string{
		"https://WWW.Example.com": "https://www.example.com", "https://a.test:443": "https://a.test", "http://a.test:80": "http://a.test",
		"http://a.test:443": "http://a.test:443", "https://*.A.test:443": "https://*.a.test", "https://a.test:08443": "https://a.test:8443",
		"HTTPS://a.test": "", "https://a.test:0": "", "https://a.test:65536": "", "*": "*", "https://*": "https://*",
	} {
		result := with("allowOrigins: ['" + written + "']")
		if want == "" {
			fixture.ExpectMessage(t, onlyParent(t, result).Conditions, "Accepted", "allowOrigins[0]", "is not an origin")
		} else if got := forwardOf(t, result).Filters.CORS.AllowOrigins[0]; got != want {
			t.Errorf("%s is compared as %s, want %s", written, got, want)
		}
	}
	const all = "allowOrigins: ['*'], exposeHeaders: ['*']"
	if got := forwardOf(t, with(all)).Filters.CORS.ExposeHeaders; len(got) != 1 {
		t.Errorf("headers %q", got)
	}
	fixture.ExpectMessage(t, onlyParent(t, with(all+", allowCredentials: true")).Conditions, "Accepted", "exposeHeaders", "write the names")
}

// TestHealthChecksBehindARewrite: a health check of a trigger reaches the application under the path that the rule makes of it.
func TestHealthChecksBehindARewrite(t *testing.T) {
	const scaler = `
kind: HTTPScaler
metadata: {name: web-0, namespace: app}
spec:
  type: kedify-http
  scaledObject: web
  trigger: "0"
  backend: {service: web, port: 80}
  metric: {type: requestRate, target: 10}
  healthCheck: {path: PATH}
  scale: {target: {apiVersion: apps/v1, kind: Deployment, name: web}, min: 0, max: 3, cooldownSeconds: 300, pollingSeconds: 30}
`
	for _, c := range []struct{ prefix, replacement, path, want string }{
		{"/api", "/", "/api/healthz", "/healthz"}, {"/api", "/", "/api", "/"}, {"/api/", "/v1/", "/api/healthz", "/v1/healthz"},
		{"/", "/v1", "/healthz", "/v1/healthz"},
		{"/api", "/v1", "/apis/healthz", ""}, {"/api", "/v1", "/healthz", ""},
	} {
		rules := onlyRules(t, resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, strings.Replace(scaler, "PATH", c.path, 1),
			fixture.HTTPRoute(
				"rules: [{matches: [{path: {value: "+c.prefix+"}}], filters: [{type: URLRewrite, urlRewrite: {hostname: a.test, path: "+
					"{type: ReplacePrefixMatch, replacePrefixMatch: "+c.replacement+"}}}], backendRefs: [{name: web, port: 80}]}]")))
		want := ir.Rewrite{Hostname: "a.test"}
		if c.want != "" {
			want.Path = &ir.PathRewrite{Value: c.want}
		}
		probe, ok := rules[0].Route.Action.(*ir.Forward)
		if !ok || len(rules) != 2 || rules[0].Route.Match.Path.Value != c.path || !reflect.DeepEqual(*probe.Filters.Rewrite, want) {
			t.Errorf("%+v: %+v", c, rules[0].Route)
		}
	}
}
