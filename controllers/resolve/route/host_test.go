package route

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// builtGateway is a Gateway infra/gw of the given listeners, each "name port hostname" with
// an HTTPS listener on port 443 and HTTP elsewhere, all of them serving.
func builtGateway(listeners ...string) resolve.GatewayResult {
	g := resolve.GatewayResult{Key: fixture.GatewayKey, Owned: true}
	all := gwv1.NamespacesFromAll
	for _, text := range listeners {
		var l resolve.Listener
		if _, err := fmt.Sscanf(text+" -", "%s %d %s", &l.ID.Name, &l.Port, &l.Hostname); err != nil {
			panic(err)
		}
		l.Hostname = strings.TrimPrefix(l.Hostname, "-")
		l.ID.Parent = resolve.Object{Kind: store.Gateway, Key: fixture.GatewayKey}
		l.Protocol, l.Chain = gwv1.HTTPProtocolType, fmt.Sprint(l.Port)
		if l.Port == 443 {
			l.Protocol = gwv1.HTTPSProtocolType
			l.Chain += "/" + cmp.Or(l.Hostname, "*")
		}
		l.Serving = true
		l.Namespaces.From = &all
		l.Kinds = []gwv1.RouteGroupKind{{Kind: "HTTPRoute"}, {Kind: "GRPCRoute"}}
		l.Conditions = []metav1.Condition{{Type: "Accepted", Status: metav1.ConditionTrue}}
		g.Listeners = append(g.Listeners, l)
	}
	return g
}

// proxyOf resolves the HTTPRoutes among the documents against the Gateway. Each rule names
// its Service, which needs not be declared.
func proxyOf(t testing.TB, g resolve.GatewayResult, routes ...*gwv1.HTTPRoute) *testProxy {
	t.Helper()
	s := store.New()
	for _, route := range routes {
		s.Set(store.HTTPRoute, route)
		for _, rule := range route.Spec.Rules {
			for _, ref := range rule.BackendRefs {
				fixture.Add(t, s, "kind: Service\nmetadata: {name: "+string(ref.Name)+", namespace: app}\nspec: {ports: [{port: 80}]}")
			}
		}
	}
	var results []resolve.RouteResult
	for _, route := range routes {
		results = append(results, Resolve(s.View(nil), resolve.Object{Kind: store.HTTPRoute, Key: store.KeyOf(route)},
			func(types.NamespacedName) resolve.GatewayResult { return g }))
	}
	return newTestProxy(g, results)
}

// simpleRoute is attached to one listener and sends a prefix to a Service.
func simpleRoute(name, section, hostnames, prefix, service string) *gwv1.HTTPRoute {
	group := gwv1.Namespace("infra")
	sectionName, port, kind := gwv1.SectionName(section), gwv1.PortNumber(80), gwv1.PathMatchPathPrefix
	route := &gwv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "app"}}
	route.Spec.ParentRefs = []gwv1.ParentReference{{Name: "gw", Namespace: &group, SectionName: &sectionName}}
	for _, hostname := range strings.Fields(hostnames) {
		route.Spec.Hostnames = append(route.Spec.Hostnames, gwv1.Hostname(hostname))
	}
	route.Spec.Rules = []gwv1.HTTPRouteRule{{
		Matches: []gwv1.HTTPRouteMatch{{Path: &gwv1.HTTPPathMatch{Type: &kind, Value: &prefix}}},
		BackendRefs: []gwv1.HTTPBackendRef{{BackendRef: gwv1.BackendRef{
			BackendObjectReference: gwv1.BackendObjectReference{Name: gwv1.ObjectName(service), Port: &port},
		}}},
	}}
	return route
}

// TestMisdirectedRequests has the cases of the conformance test
// HTTPRouteHTTPSListenerDetectMisdirectedRequests.
func TestMisdirectedRequests(t *testing.T) {
	g := builtGateway("any 443", "second 443 second-example.org", "wildcard 443 *.wildcard.org", "fourth 443 fourth-example.wildcard.org")
	proxy := proxyOf(t, g,
		simpleRoute("r1", "any", "example.org", "/detect", "v1"),
		simpleRoute("r2", "second", "", "/detect", "v2"),
		simpleRoute("r3", "wildcard", "", "/detect", "v3"),
		simpleRoute("r4", "fourth", "", "/detect", "v4"),
	)
	for _, tt := range []struct{ sni, host, want string }{
		{"example.org", "example.org", "v1"},
		{"example.org", "second-example.org", "421"},
		{"example.org", "unknown-example.org", "404"},
		{"second-example.org", "second-example.org", "v2"},
		{"second-example.org", "example.org", "421"},
		{"second-example.org", "unknown-example.org", "421"},
		{"third-example.wildcard.org", "third-example.wildcard.org", "v3"},
		{"third-example.wildcard.org", "fith-example.wildcard.org", "v3"},
		{"third-example.wildcard.org", "fourth-example.wildcard.org", "421"},
		{"third-example.wildcard.org", "second-example.org", "421"},
		{"third-example.wildcard.org", "unknown-example.org", "421"},
		{"fourth-example.wildcard.org", "fourth-example.wildcard.org", "v4"},
		{"fourth-example.wildcard.org", "fith-example.wildcard.org", "421"},
		{"unknown-example.org", "example.org", "v1"},
		{"unknown-example.org", "unknown-example.org", "404"},
	} {
		request := testRequest{port: 443, sni: tt.sni, host: tt.host, path: "/detect", method: "GET"}
		if got := proxy.serve(request); got != tt.want {
			t.Errorf("SNI %s, host %s: got %s, want %s", tt.sni, tt.host, got, tt.want)
		}
	}
}

// A TLS listener of the port owns its names as well: a request for one of them that comes over
// a connection to an HTTPS listener belongs elsewhere.
func TestMisdirectedToTLSListener(t *testing.T) {
	g := builtGateway("any 443", "pass 443 *.pass.org")
	g.Listeners[1].Protocol, g.Listeners[1].Passthrough = gwv1.TLSProtocolType, true
	proxy := proxyOf(t, g, simpleRoute("r1", "any", "", "/", "v1"), simpleRoute("r2", "any", "a.pass.org", "/", "v2"))
	for host, want := range map[string]string{"a.pass.org": "421", "b.pass.org": "421", "pass.org": "v1"} {
		if got := proxy.serve(testRequest{port: 443, sni: "other.org", host: host, path: "/", method: "GET"}); got != want {
			t.Errorf("%s: got %s, want %s", host, got, want)
		}
	}
}

// TestListenerIsolation has the cases of the conformance test GatewayHTTPListenerIsolation.
func TestListenerIsolation(t *testing.T) {
	g := builtGateway("empty 80", "wildcard 80 *.example.com", "foo 80 *.foo.example.com", "abc 80 abc.foo.example.com",
		"lonely 80 lonely.example.com")
	proxy := proxyOf(t, g,
		simpleRoute("r1", "empty", "", "/empty", "v-empty"),
		simpleRoute("r2", "wildcard", "", "/wildcard", "v-wildcard"),
		simpleRoute("r3", "foo", "", "/foo", "v-foo"),
		simpleRoute("r4", "abc", "", "/abc", "v-abc"),
		simpleRoute("r5", "empty", "abc.foo.example.com", "/", "v-stranger"),
	)
	hosts := map[string]string{
		"bar.com": "empty", "example.com": "empty", "a.example.com": "wildcard", "foo.example.com": "wildcard",
		"a.foo.example.com": "foo", "a.b.foo.example.com": "foo", "abc.foo.example.com": "abc", "lonely.example.com": "",
	}
	for host, owner := range hosts {
		for _, path := range []string{"empty", "wildcard", "foo", "abc"} {
			want := "404"
			if path == owner {
				want = "v-" + owner
			}
			if got := proxy.serve(testRequest{port: 80, host: host, path: "/" + path, method: "GET"}); got != want {
				t.Errorf("%s/%s: got %s, want %s", host, path, got, want)
			}
		}
	}
}

// Rules of more specific hostnames are asked first, and what they do not take falls to less
// specific ones of the same listener.
func TestHostnamePrecedence(t *testing.T) {
	proxy := proxyOf(t, builtGateway("http 80"),
		simpleRoute("every", "http", "", "/", "every"),
		simpleRoute("wide", "http", "*.example.com", "/a", "wide"),
		simpleRoute("narrow", "http", "*.b.example.com", "/a/b", "narrow"),
		simpleRoute("exact", "http", "c.b.example.com", "/a/b/c", "exact"),
	)
	for _, tt := range []struct{ host, path, want string }{
		{"c.b.example.com", "/a/b/c", "exact"},
		{"c.b.example.com", "/a/b", "narrow"},
		{"c.b.example.com", "/a", "wide"},
		{"c.b.example.com", "/", "every"},
		{"d.b.example.com", "/a/b/c", "narrow"},
		{"b.example.com", "/a/b/c", "wide"},
		{"example.com", "/a/b/c", "every"},
	} {
		if got := proxy.serve(testRequest{port: 80, host: tt.host, path: tt.path, method: "GET"}); got != tt.want {
			t.Errorf("%s%s: got %s, want %s", tt.host, tt.path, got, tt.want)
		}
	}
}

func TestWhichHostsHaveTables(t *testing.T) {
	g := builtGateway("any 443", "wild 443 *.a.org", "exact 443 x.a.org")
	none := func(resolve.ListenerID, string) []resolve.Fragment { return nil }
	if _, ok := Host(g, "443/x.a.org", "x.a.org", none); !ok {
		t.Error("an exact listener without routes has no table: it would not answer 404")
	}
	for _, chain := range []string{"443/*", "443/*.a.org", "443/nope"} {
		if _, ok := Host(g, chain, "x.a.org", none); ok {
			t.Errorf("chain %s has a table for a host of another chain", chain)
		}
	}
	if _, ok := Host(g, "443/*.a.org", "y.a.org", none); ok {
		t.Error("a host that nothing names has a table")
	}
	for _, tt := range []struct{ chain, hosts string }{
		{"443/*", "* *.a.org=421 x.a.org=421"},
		{"443/*.a.org", "*=421 *.a.org x.a.org=421"},
		{"443/x.a.org", "*=421 *.a.org=421"},
	} {
		var hosts []string
		for _, host := range Wildcards(g, tt.chain, nil, none).Hosts {
			text := host.Hostname
			if len(host.Routes) > 0 {
				text += fmt.Sprintf("=%d", host.Routes[0].Action.(*ir.Respond).StatusCode)
			}
			hosts = append(hosts, text)
		}
		if got := strings.Join(hosts, " "); got != tt.hosts {
			t.Errorf("chain %s: got %s, want %s", tt.chain, got, tt.hosts)
		}
	}
}
