package listener

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/xds/ir"
)

const authServices = `
kind: Service
metadata: {name: auth, namespace: infra}
spec: {ports: [{port: 80}, {port: 443, appProtocol: https}]}
---
kind: Service
metadata: {name: auth, namespace: team}
spec: {ports: [{port: 80}]}
---
kind: Service
metadata: {name: policy, namespace: other}
spec: {ports: [{port: 9191, appProtocol: kubernetes.io/h2c}]}
`

// filtered writes a listener with filters.
func filtered(name, hostname string, filters ...string) string {
	return fmt.Sprintf("- {name: %s, port: 80, protocol: HTTP, hostname: %q, filters: {requests: [%s]}}", name, hostname,
		strings.Join(filters, ", "))
}

func external(spec string) string { return "{type: ExternalAuth, externalAuth: {" + spec + "}}" }

// TestListenerFilters: the filters of a listener are read in their order, each as it would be on a route.
func TestListenerFilters(t *testing.T) {
	g := resolveGateway(t, authServices, fixture.Grant("other", "Gateway", "infra", "Service", "policy"),
		fixture.Gateway("listeners:\n"+filtered("l", "a.test",
			external("protocol: HTTP, backendRef: {name: auth, port: 80}, "+
				"http: {path: /check, allowedHeaders: [Cookie], allowedResponseHeaders: [X-User]}"),
			external("protocol: GRPC, backendRef: {name: policy, namespace: other, port: 9191}, forwardBody: {maxSize: 10}"),
			external("protocol: HTTP, backendRef: {name: auth, port: 80}"))))
	l := listenerNamed(t, g, "l")
	if got := fixture.Summary(l.Conditions); got != "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs Conflicted=False/NoConflicts" {
		t.Errorf("conditions %s", got)
	}
	key := ir.ClusterKey{Kind: ir.BackendService, Namespace: "infra", Name: "auth", Port: 80}
	opa := ir.ClusterKey{Kind: ir.BackendService, Namespace: "other", Name: "policy", Port: 9191, Route: ir.RouteGRPC}
	want := &resolve.ListenerFilters{ListenerFilters: ir.ListenerFilters{
		Source: ir.Source{Kind: "Gateway", Namespace: "infra", Name: "gw", Section: "l"},
		Auths: []*ir.Auth{
			{Cluster: key, PathPrefix: "/check", RequestHeaders: []string{"cookie"}, ResponseHeaders: []string{"x-user"}},
			{Cluster: opa, MaxBody: 10}, {Cluster: key},
		},
	}}
	if !reflect.DeepEqual(l.Filters, want) || l.Closed {
		t.Errorf("filters %+v, closed %t", l.Filters, l.Closed)
	}
	if !reflect.DeepEqual(g.Clusters, []ir.ClusterKey{key, opa}) {
		t.Errorf("clusters %v", g.Clusters)
	}
}

// TestBadListenerFilters: what cannot be served is refused with the reason of GEP-5224 and by name, and no other listener serves the
// hostname meanwhile. Of a service that cannot be asked, the listener says so, and its requests get 500.
func TestBadListenerFilters(t *testing.T) {
	const (
		to       = "backendRef: {name: auth, port: 80}"
		accepted = "Accepted=True/Accepted ResolvedRefs=False/%s Conflicted=False/NoConflicts"
		refused  = "Accepted=False/%s ResolvedRefs=True/ResolvedRefs Conflicted=False/NoConflicts"
	)
	many := external("protocol: HTTP, " + to)
	for range ir.MaxListenerFilters {
		many += ", " + external("protocol: HTTP, "+to)
	}
	good := external("protocol: HTTP, " + to)
	for _, tt := range []struct{ name, filters, form, reason, message string }{
		{"ExtensionRef", good + ", {type: ExtensionRef, extensionRef: {group: example.com, kind: Claims, name: a}}", refused,
			"UnsupportedValue", `filters.requests[1].extensionRef: kind "Claims" of group "example.com" is not a filter`},
		{"unknown type", "{type: CORS}", refused, "UnsupportedValue", `filters.requests[0].type "CORS" is not supported; use ExternalAuth.`},
		{"ExtensionRef without one", "{type: ExtensionRef}", refused, "UnsupportedValue", `filters.requests[0].type "ExtensionRef"`},
		{"too many", many, refused, "UnsupportedValue", "filters.requests has 17 filters; keep 16 at most."},
		{"nothing", "{type: ExternalAuth}", refused, "InvalidListenerFilter", "filters.requests[0].externalAuth is missing"},
		{"both", "{type: ExternalAuth, extensionRef: {group: a.b, kind: C, name: d}, externalAuth: {protocol: HTTP, " + to + "}}", refused,
			"InvalidListenerFilter", "filters.requests[0] has extensionRef, and its type is ExternalAuth"},
		{"protocol", external("protocol: THRIFT, " + to), refused, "UnsupportedValue", `filters.requests[0].externalAuth.protocol "THRIFT"`},
		{"grpc over HTTP", good + ", " + external("protocol: HTTP, grpc: {}, "+to), refused, "InvalidListenerFilter",
			"filters.requests[1].externalAuth has grpc"},
		{"body", external("protocol: HTTP, forwardBody: {maxSize: 1048577}, " + to), refused, "UnsupportedValue", "maxSize is 1048577"},
		{"Host", external("protocol: HTTP, http: {allowedResponseHeaders: [Host]}, " + to), refused, "InvalidListenerFilter",
			`filters.requests[0].externalAuth.http.allowedResponseHeaders[0]: header "Host" has chosen the route already`},
		{"no Service", good + ", " + external("protocol: HTTP, backendRef: {name: none, port: 80}"), accepted, "InvalidListenerFilterRef",
			"filters.requests[1].externalAuth.backendRef: Service infra/none does not exist"},
		{"no port", external("protocol: HTTP, backendRef: {name: auth, port: 81}"), accepted, "InvalidListenerFilterRef", "has no TCP port 81"},
		{"kind", external("protocol: HTTP, backendRef: {group: a.b, kind: C, name: auth}"), accepted, "InvalidListenerFilterRef",
			`kind "C" of group "a.b" cannot authorize requests`},
		{"TLS without a policy", external("protocol: HTTP, backendRef: {name: auth, port: 443}"), accepted, "InvalidListenerFilterRef",
			"create a BackendTLSPolicy"},
		{"no grant", external("protocol: HTTP, backendRef: {name: auth, namespace: team, port: 80}"), accepted, "RefNotPermitted",
			"create a ReferenceGrant in namespace team that allows Gateway of namespace infra"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := resolveGateway(t, authServices,
				fixture.Gateway("listeners:\n"+filtered("l", "a.test", tt.filters)+"\n- {name: all, port: 80, protocol: HTTP}"))
			l := listenerNamed(t, g, "l")
			if got, want := fixture.Summary(l.Conditions), fmt.Sprintf(tt.form, tt.reason); got != want {
				t.Errorf("conditions %s, want %s", got, want)
			}
			if all := allMessages(l); !strings.Contains(all, tt.message) {
				t.Errorf("messages %q do not contain %q", all, tt.message)
			}
			if tt.form == refused {
				if l.Serving || !l.Closed || l.Filters != nil {
					t.Errorf("serving %t, closed %t, filters %+v", l.Serving, l.Closed, l.Filters)
				}
			} else if !l.Serving || l.Closed || !l.Filters.Unresolved {
				t.Errorf("serving %t, closed %t, filters %+v", l.Serving, l.Closed, l.Filters)
			}
		})
	}
}

// TestListenerFiltersOfListenerSets: a ListenerSet refers to Services as itself, from its own namespace.
func TestListenerFiltersOfListenerSets(t *testing.T) {
	documents := []string{authServices, "kind: Namespace\nmetadata: {name: team}",
		fixture.Gateway("allowedListeners: {namespaces: {from: All}}\nlisteners: [{name: own, port: 80, protocol: HTTP}]"),
		listenerSet("team", "set", "2026-01-01T00:00:00Z",
			filtered("near", "near.test", external("protocol: HTTP, backendRef: {name: auth, port: 80}"))+"\n"+
				filtered("far", "far.test", external("protocol: GRPC, backendRef: {name: policy, namespace: other, port: 9191}")))}
	for _, tt := range []struct {
		name, grant, want string
	}{
		{"no grant", "", "ResolvedRefs=False/RefNotPermitted"},
		{"grant of the Gateway", fixture.Grant("other", "Gateway", "infra", "Service", ""), "ResolvedRefs=False/RefNotPermitted"},
		{"grant", fixture.Grant("other", "ListenerSet", "team", "Service", "policy"), "ResolvedRefs=True/ResolvedRefs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := documents
			if tt.grant != "" {
				all = append(all[:len(all):len(all)], tt.grant)
			}
			g := resolveGateway(t, all...)
			near, far := listenerNamed(t, g, "set/near"), listenerNamed(t, g, "set/far")
			if near.Filters.Unresolved || near.Filters.Auths[0].Cluster.Namespace != "team" || near.Filters.Source.Kind != "ListenerSet" {
				t.Errorf("near: %+v", near.Filters)
			}
			got := fixture.Summary(far.Conditions)
			if !strings.Contains(got, tt.want) || far.Filters.Unresolved == (tt.grant != "" && tt.name == "grant") {
				t.Errorf("far: %s, %+v", got, far.Filters)
			}
		})
	}
}

// TestListenerWithFiltersIsClosed: a listener that is to have filters and cannot serve leaves its hostname to no other listener, unless
// that one has the same hostname by its rank.
func TestListenerWithFiltersIsClosed(t *testing.T) {
	const tls = "- {name: l, port: 443, protocol: HTTPS, hostname: a.test, tls: {certificateRefs: [{name: none}]}%s}"
	filters := ", filters: {requests: [" + external("protocol: HTTP, backendRef: {name: auth, port: 80}") + "]}"
	for _, tt := range []struct {
		name, listener string
		want           bool
	}{
		{"no certificate", fmt.Sprintf(tls, filters), true},
		{"no certificate and no filters", fmt.Sprintf(tls, ""), false},
		{"selector",
			"- {name: l, port: 80, protocol: HTTP, hostname: a.test, allowedRoutes: {namespaces: {from: Selector}}" + filters + "}", true},
		{"protocol conflict",
			"- {name: l, port: 443, protocol: HTTP, hostname: a.test" + filters + "}\n- {name: m, port: 443, protocol: HTTPS}", true},
		{"hostname", "- {name: l, port: 80, protocol: HTTP, hostname: a b" + filters + "}", false},
		{"TCP", "- {name: l, port: 80, protocol: TCP" + filters + "}", false},
		{"serves", "- {name: l, port: 80, protocol: HTTP" + filters + "}", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := listenerNamed(t, resolveGateway(t, authServices, fixture.Gateway("listeners:\n"+tt.listener)), "l")
			if l.Closed != tt.want || l.Closed && l.Serving {
				t.Errorf("closed %t, serving %t: %s", l.Closed, l.Serving, fixture.Summary(l.Conditions))
			}
		})
	}
	g := resolveGateway(t, authServices, "kind: Namespace\nmetadata: {name: team}",
		fixture.Gateway("allowedListeners: {namespaces: {from: All}}\nlisteners: [{name: own, port: 80, protocol: HTTP, hostname: a.test}]"),
		listenerSet("team", "set", "2026-01-01T00:00:00Z", filtered("late", "a.test", "{type: ExtensionRef}")))
	if late := listenerNamed(t, g, "set/late"); late.Closed || !listenerNamed(t, g, "own").Serving {
		t.Errorf("closed by a ListenerSet: %s", fixture.Summary(late.Conditions))
	}
}

// TestClosedListenerContends: a listener that keeps its hostname closed has it, so that no other one is accepted with it and answers 500.
func TestClosedListenerContends(t *testing.T) {
	const bad = "- {name: bad, port: 80, protocol: HTTP, hostname: a.test, allowedRoutes: {namespaces: {from: Selector}}, " +
		"filters: {requests: [{type: ExternalAuth, externalAuth: {protocol: HTTP, backendRef: {name: auth, port: 80}}}]}}\n"
	const good = "- {name: good, port: 80, protocol: HTTP, hostname: a.test}\n"
	gateway := func(listeners string) string {
		return fixture.Gateway("allowedListeners: {namespaces: {from: All}}\nlisteners:\n- {name: own, port: 80, protocol: HTTP}\n" + listeners)
	}
	set := func(name, year, listeners string) string {
		return listenerSet("team", name, year+"-01-01T00:00:00Z", listeners)
	}
	for _, tt := range []struct {
		name, bad, good    string
		objects            []string
		closed, conflicted bool // bad is closed, good is in conflict
	}{
		{"same owner, first", "bad", "good", []string{gateway(bad + good)}, true, true},
		{"same owner, last", "bad", "good", []string{gateway(good + bad)}, true, true},
		{"Gateway", "bad", "one/good", []string{gateway(bad), set("one", "2025", good)}, true, true},
		{"earlier set", "one/bad", "two/good", []string{gateway(""), set("one", "2025", bad), set("two", "2026", good)}, true, true},
		{"later set", "two/bad", "one/good", []string{gateway(""), set("one", "2025", good), set("two", "2026", bad)}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := resolveGateway(t, append(tt.objects, authServices, "kind: Namespace\nmetadata: {name: team}")...)
			bad, good := listenerNamed(t, g, tt.bad), listenerNamed(t, g, tt.good)
			conflict := resolve.FindCondition(good.Conditions, gwv1.ListenerConditionConflicted)
			if bad.Closed != tt.closed || bad.Serving || good.Serving == tt.conflicted || (conflict.Reason == "HostnameConflict") != tt.conflicted {
				t.Errorf("closed %t, bad: %s; good: %s", bad.Closed, fixture.Summary(bad.Conditions), fixture.Summary(good.Conditions))
			}
		})
	}
}

// TestRefusedListenerFilters: what proxies refuse of the filters of a listener is said on the listener.
func TestRefusedListenerFilters(t *testing.T) {
	g := resolveGateway(t, authServices, fixture.Gateway("listeners:\n"+
		filtered("l", "a.test", external("protocol: HTTP, backendRef: {name: auth, port: 80}"))+"\n- {name: all, port: 80, protocol: HTTP}"))
	in := ready(g)
	in.Rejected = []resolve.Rejected{{Source: listenerNamed(t, g, "l").Source(), Rule: "filters.requests", Message: "no"}}
	status := GatewayStatus(in)
	programmed := resolve.FindCondition(status.Listeners[0].Conditions, gwv1.ListenerConditionProgrammed)
	if want := "The proxy refused filters.requests of the listener, and all of its requests get 500: no."; programmed.Message != want ||
		programmed.Status != "False" {
		t.Errorf("%s %q, want %q", programmed.Status, programmed.Message, want)
	}
	if other := resolve.FindCondition(status.Listeners[1].Conditions, gwv1.ListenerConditionProgrammed); other.Status != "True" {
		t.Errorf("the other listener: %+v", other)
	}
	of := resolve.FindCondition(status.Conditions, gwv1.GatewayConditionProgrammed)
	if !strings.Contains(of.Message, `refused filters.requests of listener "l": no.`) {
		t.Errorf("Gateway: %q", of.Message)
	}
}
