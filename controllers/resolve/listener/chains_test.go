package listener

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// render writes listeners one chain per line: "443/tcp 443/a.com sni=a.com tls=infra/cert -> b".
func render(listeners []ir.Listener) string {
	var lines []string
	for _, l := range listeners {
		for _, c := range l.Chains {
			line := fmt.Sprintf("%d/%s %s", l.Port, l.Transport, c.ID)
			if c.SNI != "" {
				line += " sni=" + c.SNI
			}
			if c.TLS != nil {
				line += " tls=" + strings.Join(c.TLS.Certificates, ",")
			}
			if c.Forward != nil {
				line += " ->"
				for _, target := range c.Forward.Targets {
					line += " " + target.Cluster.Name
				}
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// claims makes the layer 4 routes of a test: "listener sni route created", and the hostname of the route
// when it is not the server name.
func claims(lines ...string) func(resolve.ListenerID) []resolve.ForwardFragment {
	return func(id resolve.ListenerID) []resolve.ForwardFragment {
		var fragments []resolve.ForwardFragment
		for _, line := range lines {
			var listener, sni, route string
			var created int64
			if _, err := fmt.Sscan(line, &listener, &sni, &route, &created); err != nil {
				panic(err)
			}
			own := sni
			if words := strings.Fields(line); len(words) > 4 {
				own = words[4]
			}
			if listener != id.Name {
				continue
			}
			fragments = append(fragments, resolve.ForwardFragment{
				Listener: id, SNI: sni, RouteHostname: own, Created: created, Owner: types.NamespacedName{Namespace: "app", Name: route},
				Forward: ir.L4Forward{
					Targets: []ir.L4Target{{Cluster: ir.ClusterKey{Name: route}, Weight: 1}},
					Source:  ir.Source{Kind: "TLSRoute", Namespace: "app", Name: route},
				},
			})
		}
		return fragments
	}
}

// TestIRListeners: which chains the listeners of a port become.
func TestIRListeners(t *testing.T) {
	cases := []struct {
		name, listeners string
		claims          []string
		want            string
	}{
		{"cleartext shares one chain", `
- {name: a, port: 80, protocol: HTTP, hostname: a.com}
- {name: b, port: 80, protocol: HTTP}
- {name: c, port: 8080, protocol: HTTP}`, nil, `
80/tcp 80
8080/tcp 8080`},
		{"one chain per HTTPS hostname", `
- {name: b, port: 443, protocol: HTTPS, hostname: "*.b.com", tls: {certificateRefs: [{name: cert}]}}
- {name: a, port: 443, protocol: HTTPS, hostname: a.com, tls: {certificateRefs: [{name: cert}]}}
- {name: rest, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}`, nil, `
443/tcp 443/* tls=infra/cert
443/tcp 443/*.b.com sni=*.b.com tls=infra/cert
443/tcp 443/a.com sni=a.com tls=infra/cert`},
		{"what does not serve is not there", `
- {name: gone, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: gone}]}}
- {name: bad, port: 81, protocol: SCTP}
- {name: ok, port: 80, protocol: HTTP}`, nil, `
80/tcp 80`},
		{"TCP and UDP on one number", `
- {name: udp, port: 53, protocol: UDP}
- {name: tcp, port: 53, protocol: TCP}`, []string{"udp * u 1", "tcp * t 1"}, `
53/tcp 53 -> t
53/udp udp/53 -> u`},
		{"the oldest TCPRoute, then the first by name", `
- {name: one, port: 1, protocol: TCP}
- {name: two, port: 2, protocol: TCP}
- {name: none, port: 3, protocol: TCP}`, []string{"one * young 2", "one * old 1", "two * b 1", "two * a 1"}, `
1/tcp 1 -> old
2/tcp 2 -> a
3/tcp 3 ->`},
		{"TLSRoutes within their listener", `
- {name: pass, port: 443, protocol: TLS, hostname: "*.a.com", tls: {mode: Passthrough}}
- {name: term, port: 443, protocol: TLS, hostname: "b.com", tls: {mode: Terminate, certificateRefs: [{name: cert}]}}`,
			[]string{"pass x.a.com x 2", "pass x.a.com older 1", "pass *.y.a.com y 1", "term b.com b 1"}, `
443/tcp 443/*.a.com sni=*.a.com ->
443/tcp 443/*.y.a.com sni=*.y.a.com -> y
443/tcp 443/b.com sni=b.com tls=infra/cert -> b
443/tcp 443/x.a.com sni=x.a.com -> older`},
		{"the hostname of a TLSRoute before its age", `
- {name: exact, port: 443, protocol: TLS, hostname: x.a.com, tls: {mode: Passthrough}}
- {name: wild, port: 443, protocol: TLS, hostname: "*.b.com", tls: {mode: Passthrough}}`,
			[]string{"exact x.a.com any 1 *", "exact x.a.com wild 2 *.a.com", "exact x.a.com exact 3", "wild *.b.com wider 1 *.com",
				"wild *.b.com same 2"}, `
443/tcp 443/*.b.com sni=*.b.com -> same
443/tcp 443/x.a.com sni=x.a.com -> exact`},
		{"a TLSRoute for all of its listener", `
- {name: all, port: 443, protocol: TLS, tls: {mode: Passthrough}}
- {name: wild, port: 8443, protocol: TLS, hostname: "*.a.com", tls: {mode: Passthrough}}`,
			[]string{"all * any 1", "wild *.a.com w 1"}, `
443/tcp 443/* -> any
8443/tcp 8443/*.a.com sni=*.a.com -> w`},
		{"a name of a more specific listener stays its own", `
- {name: wild, port: 443, protocol: TLS, hostname: "*.a.com", tls: {mode: Passthrough}}
- {name: deep, port: 443, protocol: TLS, hostname: "*.deep.a.com", tls: {mode: Passthrough}}
- {name: https, port: 443, protocol: HTTPS, hostname: x.a.com, tls: {certificateRefs: [{name: cert}]}}`,
			[]string{"wild x.a.com stolen 1", "wild q.deep.a.com stolen 1", "wild *.deep.a.com stolen 1", "wild *.deeper.deep.a.com stolen 1",
				"wild y.a.com y 1", "wild foreign.com stolen 1"}, `
443/tcp 443/*.a.com sni=*.a.com ->
443/tcp 443/*.deep.a.com sni=*.deep.a.com ->
443/tcp 443/x.a.com sni=x.a.com tls=infra/cert
443/tcp 443/y.a.com sni=y.a.com -> y`},
	}
	cert := fixture.Secret("infra", "cert", fixture.NewPair(t, "a.com"))
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := resolveGateway(t, cert, fixture.Gateway("listeners:"+c.listeners))
			got := render(ByPort(g, claims(c.claims...)))
			if want := strings.TrimSpace(c.want); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestIRListenerSources: every listener of the port is named, and chains carry their own.
func TestIRListenerSources(t *testing.T) {
	g := resolveGateway(t,
		fixture.Gateway("allowedListeners: {namespaces: {from: Same}}\nlisteners: [{name: a, port: 80, protocol: HTTP, hostname: a.com}]"),
		listenerSet("infra", "set", "2026-01-01T00:00:00Z", "- {name: b, port: 80, protocol: HTTP, hostname: b.com}"))
	listeners := ByPort(g, nil)
	if len(listeners) != 1 || len(listeners[0].Chains) != 1 {
		t.Fatalf("listeners %+v, want one with one chain", listeners)
	}
	var sources []string
	for _, s := range listeners[0].Sources {
		sources = append(sources, s.String())
	}
	if got, want := strings.Join(sources, "; "), "Gateway infra/gw (a); ListenerSet infra/set (b)"; got != want {
		t.Errorf("sources %q, want %q", got, want)
	}
	if got := listeners[0].Chains[0].Source.Kind; got != string(store.Gateway) {
		t.Errorf("chain of a %s", got)
	}
}

// TestClosedChains: a hostname that an HTTPS listener with filters keeps closed is forwarded by no TLS listener of the port.
func TestClosedChains(t *testing.T) {
	const closed = `- {name: closed, port: 443, protocol: HTTPS, hostname: %s, tls: {certificateRefs: [{name: none}]},
  filters: {requests: [{type: ExternalAuth, externalAuth: {protocol: HTTP, backendRef: {name: auth, port: 80}}}]}}
`
	const passed = "- {name: tls, port: 443, protocol: TLS, tls: {mode: Passthrough}}\n"
	const https = "- {name: https, port: 443, protocol: HTTPS, hostname: '*.test', tls: {certificateRefs: [{name: cert}]}}\n"
	for _, tt := range []struct{ name, listeners, want string }{
		{"exact", passed + fmt.Sprintf(closed, "a.test"),
			"443/tcp 443/* -> all\n443/tcp 443/a.test sni=a.test ->\n443/tcp 443/b.test sni=b.test -> b"},
		{"wildcard", passed + fmt.Sprintf(closed, "'*.test'"), "443/tcp 443/* -> all\n443/tcp 443/*.test sni=*.test ->"},
		{"behind HTTPS", passed + https + fmt.Sprintf(closed, "a.test"),
			"443/tcp 443/* -> all\n443/tcp 443/*.test sni=*.test tls=infra/cert"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := resolveGateway(t, authServices, fixture.Secret("infra", "cert", fixture.NewPair(t, "*.test")),
				fixture.Gateway("listeners:\n"+tt.listeners))
			if got := render(ByPort(g, claims("tls * all 1", "tls a.test a 1", "tls b.test b 1"))); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}
