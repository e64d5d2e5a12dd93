package route

import (
	"reflect"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

func authFilter(spec string) string { return "{type: ExternalAuth, externalAuth: {" + spec + "}}" }

// authed are the two places of the filter: that of a rule, and that of a backendRef.
var authed = map[string]func(filter string) string{
	"rule": withFilters,
	"backendRef": func(filter string) string {
		return fixture.HTTPRoute("rules: [{backendRefs: [{name: web, port: 82, filters: [" + filter + "]}]}]")
	},
}

// authOf returns what authorizes the requests of the only rule.
func authOf(t *testing.T, result resolve.RouteResult) *ir.Auth {
	t.Helper()
	forward := forwardOf(t, result)
	if auth := forward.Filters.Auth; auth != nil {
		return auth
	}
	return forward.Targets[0].Filters.Auth
}

func TestExternalAuth(t *testing.T) {
	overHTTP := ir.ClusterKey{Kind: ir.BackendService, Namespace: "app", Name: "web", Port: 80}
	overGRPC := overHTTP
	overGRPC.Route = ir.RouteGRPC
	h2c := overGRPC
	h2c.Port = 81
	tests := []struct {
		name, spec string
		want       ir.Auth
	}{
		{"HTTP", `protocol: HTTP, backendRef: {name: web, port: 80}, http: {}`, ir.Auth{Cluster: overHTTP}},
		{"HTTP without settings", `protocol: HTTP, backendRef: {name: web, port: 80}`, ir.Auth{Cluster: overHTTP}},
		{"HTTP with all settings",
			`protocol: HTTP, backendRef: {name: web, port: 80}, forwardBody: {maxSize: 1048576},
			http: {path: /check/, allowedHeaders: [Cookie, X-Forwarded-Proto, cookie, Authorization, Host],
				allowedResponseHeaders: [X-User, Authorization]}`,
			ir.Auth{Cluster: overHTTP, PathPrefix: "/check", RequestHeaders: []string{"cookie", "x-forwarded-proto"},
				ResponseHeaders: []string{"x-user", "authorization"}, MaxBody: 1 << 20}},
		{"no prefix", `protocol: HTTP, backendRef: {name: web, port: 80}, http: {path: /}, forwardBody: {}`, ir.Auth{Cluster: overHTTP}},
		{"GRPC", `protocol: GRPC, backendRef: {name: web, port: 80}, grpc: {}`, ir.Auth{Cluster: overGRPC}},
		{"GRPC over h2c", `protocol: GRPC, backendRef: {name: web, port: 81}, grpc: {allowedHeaders: [Upgrade, X-A]}, forwardBody: {maxSize: 1}`,
			ir.Auth{Cluster: h2c, RequestHeaders: []string{"upgrade", "x-a"}, MaxBody: 1}},
	}
	for place, route := range authed {
		for _, tt := range tests {
			t.Run(place+"/"+tt.name, func(t *testing.T) {
				result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, route(authFilter(tt.spec)))
				if got := fixture.Summary(onlyParent(t, result).Conditions); got != "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs" {
					t.Errorf("conditions %s", got)
				}
				if got := authOf(t, result); !reflect.DeepEqual(*got, tt.want) {
					t.Errorf("got %+v, want %+v", *got, tt.want)
				}
				found := false
				for _, cluster := range result.Clusters {
					found = found || cluster == tt.want.Cluster
				}
				if !found {
					t.Errorf("clusters %v", result.Clusters)
				}
			})
		}
	}
}

// A filter that cannot be applied is refused by name, and no request passes its rule.
func TestBadExternalAuth(t *testing.T) {
	const to, unsupported = "backendRef: {name: web, port: 80}", "UnsupportedValue"
	tests := []struct{ name, spec, field, fix string }{
		{"protocol", "protocol: THRIFT, " + to, `externalAuth.protocol "THRIFT"`, "use HTTP or GRPC"},
		{"no protocol", to, `externalAuth.protocol ""`, "use HTTP or GRPC"},
		{"HTTP with grpc", "protocol: HTTP, grpc: {}, " + to, "externalAuth has grpc, and its protocol is HTTP", "remove one"},
		{"GRPC with http", "protocol: GRPC, http: {}, " + to, "externalAuth has http, and its protocol is GRPC", "remove one"},
		{"relative path", "protocol: HTTP, http: {path: check}, " + to, `externalAuth.http.path "check"`, "add it"},
		{"path with dots", "protocol: HTTP, http: {path: /a/%2E./b}, " + to, "externalAuth.http.path", "write the path it leads to"},
		{"path with a query", `protocol: HTTP, http: {path: "/a?b"}, ` + to, "externalAuth.http.path", "query"},
		{"body", "protocol: GRPC, forwardBody: {maxSize: 1048577}, " + to, "externalAuth.forwardBody.maxSize is 1048577", "use 0 to 1048576"},
		{"negative body", "protocol: HTTP, forwardBody: {maxSize: -1}, " + to, "externalAuth.forwardBody.maxSize is -1", "use 0 to 1048576"},
		{"header name", `protocol: HTTP, http: {allowedHeaders: ["a b"]}, ` + to, "externalAuth.http.allowedHeaders[0]", "correct it"},
		{"pseudo header", `protocol: GRPC, grpc: {allowedHeaders: [x, ":path"]}, ` + to, "externalAuth.grpc.allowedHeaders[1]", "correct it"},
		{"header of the connection", "protocol: HTTP, http: {allowedHeaders: [Upgrade]}, " + to,
			"allowedHeaders[0]: header \"Upgrade\" is about a connection", "remove it"},
		{"header of the proxy", "protocol: GRPC, grpc: {allowedHeaders: [X-Gw-Host]}, " + to,
			"allowedHeaders[0]: header \"X-Gw-Host\"", "remove it"},
		{"answer: host", "protocol: HTTP, http: {allowedResponseHeaders: [Host]}, " + to, "allowedResponseHeaders[0]: header \"Host\"",
			"remove it"},
		{"answer: length", "protocol: HTTP, http: {allowedResponseHeaders: [x, Content-Length]}, " + to, "allowedResponseHeaders[1]",
			"remove it"},
		{"answer: Envoy", "protocol: HTTP, http: {allowedResponseHeaders: [X-Envoy-Retry-On]}, " + to, "allowedResponseHeaders[0]", "remove it"},
		{"answer: picker", "protocol: HTTP, http: {allowedResponseHeaders: [x-gateway-destination-endpoint]}, " + to,
			"endpoint picker alone", "remove it"},
	}
	for place, route := range authed {
		for _, tt := range tests {
			t.Run(place+"/"+tt.name, func(t *testing.T) {
				result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, route(authFilter(tt.spec)))
				conditions := onlyParent(t, result).Conditions
				if got, want := fixture.Summary(conditions), "Accepted=False/"+unsupported+" ResolvedRefs=True/ResolvedRefs"; got != want {
					t.Errorf("conditions %s, want %s", got, want)
				}
				fixture.ExpectMessage(t, conditions, "Accepted", tt.field, tt.fix)
				respondsWith(t, result, 500)
			})
		}
		t.Run(place+"/missing", func(t *testing.T) {
			result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, route("{type: ExternalAuth}"))
			fixture.ExpectMessage(t, onlyParent(t, result).Conditions, "Accepted", "externalAuth is missing", "remove the filter")
			respondsWith(t, result, 500)
		})
	}
}

func TestExternalAuthExcludes(t *testing.T) {
	auth := authFilter("protocol: HTTP, backendRef: {name: web, port: 80}, http: {}")
	for name, tt := range map[string]struct{ rules, field string }{
		"twice": {"[{filters: [" + auth + ", " + auth + "], backendRefs: [{name: web, port: 80}]}]",
			"rules[0].filters has ExternalAuth twice"},
		"twice, backend": {"[{backendRefs: [{name: web, port: 80, filters: [" + auth + ", " + auth + "]}]}]", "ExternalAuth is there twice"},
		"rule and backend": {"[{filters: [" + auth + "], backendRefs: [{name: web, port: 80, filters: [" + auth + "]}]}]",
			"a request is authorized once"},
	} {
		t.Run(name, func(t *testing.T) {
			result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute("rules: "+tt.rules))
			conditions := onlyParent(t, result).Conditions
			if got, want := fixture.Summary(conditions), "Accepted=False/IncompatibleFilters ResolvedRefs=True/ResolvedRefs"; got != want {
				t.Errorf("conditions %s, want %s", got, want)
			}
			fixture.ExpectMessage(t, conditions, "Accepted", tt.field)
			respondsWith(t, result, 500)
		})
	}
	t.Run("GRPCRoute", func(t *testing.T) {
		result := resolveRoute(t, store.GRPCRoute, fixture.HTTPGateway, fixture.WebService,
			fixture.Route("GRPCRoute", "web", "rules: [{filters: [{type: ExternalAuth}], backendRefs: [{name: web, port: 80}]}]"))
		fixture.ExpectMessage(t, onlyParent(t, result).Conditions, "Accepted", "rules[0].filters[0]", "remove it")
		respondsWith(t, result, 500)
	})
}

// A request that its service cannot be asked about is answered 500: it never passes without a decision.
func TestExternalAuthThatDoesNotResolve(t *testing.T) {
	tests := []struct {
		name, protocol, ref, reason, message string
		documents                            []string
	}{
		{name: "missing Service", ref: "{name: nope, port: 80}", reason: "BackendNotFound", message: "Service app/nope does not exist"},
		{name: "missing port", ref: "{name: web, port: 99}", reason: "BackendNotFound", message: "has no TCP port 99"},
		{name: "no port", ref: "{name: web}", reason: "BackendNotFound", message: "port is missing"},
		{name: "pool", ref: "{group: inference.networking.k8s.io, kind: InferencePool, name: chat}", reason: "InvalidKind",
			message: "use a Service"},
		{name: "ExternalName", ref: "{name: external, port: 80}", reason: "InvalidKind", message: "type ExternalName"},
		{name: "other namespace", ref: "{name: web, namespace: other, port: 80}", reason: "RefNotPermitted",
			message: "create a ReferenceGrant in namespace other"},
		{name: "granted to another kind", ref: "{name: web, namespace: other, port: 80}", reason: "RefNotPermitted",
			documents: []string{fixture.Grant("other", "GRPCRoute", "app", "Service", "")}},
		{name: "granted", ref: "{name: web, namespace: other, port: 80}", documents: []string{fixture.Grant("other", "HTTPRoute",
			"app", "Service", "web")}},
		{name: "TLS without policy", ref: "{name: web, port: 443}", reason: "UnsupportedProtocol", message: "create a BackendTLSPolicy"},
		{name: "TLS with a policy", ref: "{name: web, port: 443}",
			documents: []string{fixture.Policy("p", "{group: \"\", kind: Service, name: web, sectionName: tls}",
				"{wellKnownCACertificates: System, hostname: web.example.com}")}},
		{name: "odd protocol", ref: "{name: web, port: 90}", reason: "UnsupportedProtocol", message: `appProtocol "example.com/odd"`},
		{name: "GRPC over WebSocket", protocol: "GRPC", ref: "{name: web, port: 82}", reason: "UnsupportedProtocol",
			message: "gRPC cannot be sent"},
		{name: "HTTP over WebSocket", ref: "{name: web, port: 82}"},
	}
	for place, route := range authed {
		for _, tt := range tests {
			t.Run(place+"/"+tt.name, func(t *testing.T) {
				if tt.protocol == "" {
					tt.protocol = "HTTP"
				}
				documents := append(tt.documents, fixture.HTTPGateway, fixture.WebService, elsewhere, fixture.ChatPool, fixture.ExternalService,
					route(authFilter("protocol: "+tt.protocol+", backendRef: "+tt.ref)))
				result := resolveHTTP(t, documents...)
				conditions := onlyParent(t, result).Conditions
				if tt.reason == "" {
					if got := fixture.Summary(conditions); got != "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs" || authOf(t, result) == nil {
						t.Errorf("conditions %s", got)
					}
					return
				}
				if got, want := fixture.Summary(conditions), "Accepted=True/Accepted ResolvedRefs=False/"+tt.reason; got != want {
					t.Errorf("conditions %s, want %s", got, want)
				}
				fixture.ExpectMessage(t, conditions, "ResolvedRefs", tt.message, "filters[0].externalAuth.backendRef")
				respondsWith(t, result, 500)
			})
		}
	}
}

// The share of a backend whose service cannot be asked is answered 500; that of another backend is served.
func TestExternalAuthOfOneBackend(t *testing.T) {
	result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute("rules: [{backendRefs: ["+
		"{name: web, port: 80, filters: ["+authFilter("protocol: HTTP, backendRef: {name: nope, port: 80}")+"]}, {name: web, port: 81}]}]"))
	targets := forwardOf(t, result).Targets
	if len(targets) != 2 || !targets[0].Invalid || targets[1].Invalid || targets[1].Filters.Auth != nil {
		t.Errorf("targets %+v", targets)
	}
}

// A redirect is authorized as well.
func TestExternalAuthOfARedirect(t *testing.T) {
	const rules = "rules: [{filters: [{type: RequestRedirect, requestRedirect: {hostname: b.org}}, FILTER]}]"
	found := authFilter("protocol: GRPC, backendRef: {name: web, port: 80}")
	result := resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(strings.Replace(rules, "FILTER", found, 1)))
	redirect, ok := onlyRules(t, result)[0].Route.Action.(*ir.Redirect)
	if !ok || redirect.Auth == nil || len(result.Clusters) != 1 || result.Clusters[0] != redirect.Auth.Cluster {
		t.Errorf("the rule does %+v, clusters %v", redirect, result.Clusters)
	}
	lost := authFilter("protocol: GRPC, backendRef: {name: nope, port: 80}")
	respondsWith(t, resolveHTTP(t, fixture.HTTPGateway, fixture.WebService, fixture.HTTPRoute(strings.Replace(rules, "FILTER", lost, 1))), 500)
}
