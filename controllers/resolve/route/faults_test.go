package route

import (
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
		"/%7Ejoe": "/~joe", "/%7ejoe/": "/~joe", "/a%2Db": "/a-b", "/x%2Ey": "/x.y", "/%41bc": "/Abc", "/caf%c3%a9": "/caf%C3%A9", "/a%20b": "/a%20b",
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
		`{queryParams: [{name: tag, value: "a b"}]}`:                                                {`queryParams[0].value "a b"`, `write "a%20b"`},
		`{queryParams: [{name: tag, value: "é"}]}`:                                                  {`queryParams[0].value "é"`, `write "%C3%A9"`},
		`{queryParams: [{name: tag, value: "a&b#c"}]}`:                                              {`queryParams[0].value "a&b#c"`, `write "a%26b%23c"`},
		`{queryParams: [{name: tag, value: "a\tb"}]}`:                                               {`queryParams[0].value`, `write "a%09b"`},
		`{queryParams: [{name: "a&b", value: "1"}]}`:                                                {`queryParams[0].name "a&b"`, `write "a%26b"`},
		`{queryParams: [{name: "a#b", value: "1"}]}`:                                                {`queryParams[0].name "a#b"`, `write "a%23b"`},
		`{queryParams: [{name: "a=b", value: "1"}]}`:                                                {`queryParams[0].name "a=b"`, `write "a%3Db"`},
		`{headers: [{name: tag, value: " a"}]}`:                                                     {`headers[0] "tag"`, "begins or ends with a space"},
		`{headers: [{name: tag, value: "a\t"}]}`:                                                    {`headers[0] "tag"`, "begins or ends with a space"},
		`{headers: [{name: X-Envoy-Attempt-Count, value: "1"}]}`:                                    {`headers[0].name "x-envoy-attempt-count"`, "the proxy removes this header"},
		`{headers: [{name: x-gateway-destination-endpoint, type: RegularExpression, value: ".*"}]}`: {`headers[0].name`, "match another one"},
		`{headers: [{name: transfer-encoding, value: "chunked"}]}`:                                  {`headers[0].name`, "match another one"},
		`{method: CONNECT}`: {`method "CONNECT"`, "use another method"},
	} {
		result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(
			"rules: [{matches: ["+match+"], backendRefs: [{name: web, port: 80}]}]"))
		conditions := onlyParent(t, result).Conditions
		if got, want := fixture.Summary(conditions), "Accepted=False/UnsupportedValue ResolvedRefs=True/ResolvedRefs"; got != want {
			t.Errorf("%s: conditions %s, want %s", match, got, want)
		}
		fixture.ExpectMessage(t, conditions, "Accepted", words...)
	}
	for _, name := range []string{"x-envoy-external-address", "upgrade", "x-gateway-inference-objective", "host"} {
		result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(
			"rules: [{matches: [{headers: [{name: "+name+", value: v}]}], backendRefs: [{name: web, port: 80}]}]"))
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
