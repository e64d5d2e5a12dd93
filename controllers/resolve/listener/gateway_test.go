package listener

import (
	"reflect"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/xds/ir"
)

const oneListener = "\nlisteners: [{name: l, port: 80, protocol: HTTP}]"

// TestGatewayOwned: a Gateway of another controller, or of no class, gives nothing at all.
func TestGatewayOwned(t *testing.T) {
	own := fixture.Gateway(oneListener)
	cases := []struct {
		name      string
		documents []string
		owned     bool
	}{
		{"class of the product", []string{own, fixture.Class}, true},
		{"no class", []string{own}, false},
		{"foreign class", []string{own, strings.Replace(fixture.Class, "kedify.io/", "example.com/", 1)}, false},
		{"no gateway", []string{fixture.Class}, false},
	}
	for _, c := range cases {
		g := Gateway(fixture.Store(t, c.documents...).View(nil), fixture.GatewayKey, class.Setting{})
		if g.Owned != c.owned {
			t.Errorf("%s: owned is %v", c.name, g.Owned)
		}
		if !c.owned && !reflect.DeepEqual(g, resolve.GatewayResult{}) {
			t.Errorf("%s: %+v is not zero", c.name, g)
		}
	}
}

// TestGatewayAccepted has one case for each reason of the Accepted condition.
func TestGatewayAccepted(t *testing.T) {
	cases := []struct{ name, spec, want, message string }{
		{"good", oneListener, "Accepted=True/Accepted", ""},
		{"one bad listener", "listeners: [{name: l, port: 80, protocol: HTTP}, {name: bad, port: 81, protocol: SCTP}]",
			"Accepted=True/ListenersNotValid", `Accepted: 1 of 2 listeners. Not accepted: listener "bad"`},
		{"only bad listeners", "listeners: [{name: bad, port: 81, protocol: SCTP}]", "Accepted=False/ListenersNotValid",
			"No listener of the Gateway is accepted"},
		{"all in conflict", "listeners: [{name: a, port: 80, protocol: HTTP}, {name: b, port: 80, protocol: TCP}]",
			"Accepted=False/ListenersNotValid", ""},
		{"unresolved references do not count", "listeners: [{name: l, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: gone}]}}]",
			"Accepted=True/Accepted", ""},
		{"address inside the cluster", "addresses: [{type: IPAddress, routability: Cluster}]" + oneListener, "Accepted=True/Accepted", ""},
		{"address of a routability of others", "addresses: [{type: IPAddress, routability: example.com/vpc}]" + oneListener,
			"Accepted=True/Accepted", ""},
		{"address of a foreign type", "addresses: [{type: IPAddress, value: 192.0.2.1}, {type: test/fake, value: x}]" + oneListener,
			"Accepted=False/UnsupportedAddress", `spec.addresses[1].type "test/fake" is not supported; use IPAddress or Hostname.`},
		{"addresses that the product can have",
			"addresses: [{value: 192.0.2.1}, {type: IPAddress}, {type: Hostname, value: a.com}]" + oneListener,
			"Accepted=True/Accepted", ""},
		{"parameters of a foreign kind", "infrastructure: {parametersRef: {group: invalid.io, kind: InvalidParameters, name: x}}" + oneListener,
			"Accepted=False/InvalidParameters", `spec.infrastructure.parametersRef: group "invalid.io", kind "InvalidParameters" is not supported`},
		{"parameters missing", "infrastructure: {parametersRef: {group: gateway.kedify.io, kind: GatewayParameters, name: x}}" + oneListener,
			"Accepted=False/InvalidParameters", "GatewayParameters infra/x does not exist"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := resolveGateway(t, fixture.Gateway(c.spec))
			if got := fixture.Summary(g.Conditions[:1]); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if message := g.Conditions[0].Message; !strings.Contains(message, c.message) {
				t.Errorf("message %q does not contain %q", message, c.message)
			}
			if got := g.Accepted(); got != strings.HasPrefix(c.want, "Accepted=True") {
				t.Errorf("Accepted() is %v", got)
			}
			programmed := resolve.FindCondition(GatewayStatus(ready(g)).Conditions, "Programmed")
			if strings.HasPrefix(c.want, "Accepted=False") && (programmed.Status != "False" || programmed.Reason != "Invalid") {
				t.Errorf("a Gateway that is not accepted is Programmed=%s/%s", programmed.Status, programmed.Reason)
			}
		})
	}
}

// TestGatewayResolvedRefs sums up the listeners'.
func TestGatewayResolvedRefs(t *testing.T) {
	g := resolveGateway(t, fixture.Gateway("listeners: ["+
		"{name: l, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: gone}]}}, {name: fine, port: 80, protocol: HTTP}]"))
	if got, want := fixture.Summary(g.Conditions[1:]), "ResolvedRefs=False/ListenersNotResolved"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	message := fixture.Message(g.Conditions, "ResolvedRefs")
	if !strings.Contains(message, `listener "l"`) || strings.Contains(message, "fine") {
		t.Errorf("message %q", message)
	}
}

// TestGatewayInfrastructure: ports of accepted listeners, metadata as it is.
func TestGatewayInfrastructure(t *testing.T) {
	g := resolveGateway(t, fixture.Gateway(`
allowedListeners: {namespaces: {from: Same}}
infrastructure: {labels: {team: a}, annotations: {example.com/x: z}}
addresses: [{type: IPAddress}]
listeners:
- {name: late, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: gone}]}}
- {name: dns, port: 53, protocol: UDP}
- {name: dns-tcp, port: 53, protocol: TCP}
- {name: http, port: 80, protocol: HTTP, hostname: a.com}
- {name: more, port: 80, protocol: HTTP, hostname: b.com}
- {name: bad, port: 19003, protocol: HTTP}
`), listenerSet("infra", "set", "2026-01-01T00:00:00Z", "- {name: l, port: 8080, protocol: HTTP}\n- {name: lost, port: 53, protocol: UDP}"))
	want := []resolve.Port{{Port: 53, Protocol: "TCP"}, {Port: 53, Protocol: "UDP"}, {Port: 80, Protocol: "TCP"}, {Port: 443, Protocol: "TCP"},
		{Port: 8080, Protocol: "TCP"}}
	if got := g.Infrastructure.Ports; !reflect.DeepEqual(got, want) {
		t.Errorf("ports %v, want %v", got, want)
	}
	if got := g.Infrastructure.Labels["team"] + g.Infrastructure.Annotations["example.com/x"]; got != "az" {
		t.Errorf("labels %v, annotations %v", g.Infrastructure.Labels, g.Infrastructure.Annotations)
	}
	if len(g.Addresses) != 1 || g.UID != "u-1" || g.Generation != 7 || g.Key != fixture.GatewayKey {
		t.Errorf("identity %v %q %d %v", g.Addresses, g.UID, g.Generation, g.Key)
	}
}

// TestGatewaySecrets: once each, sorted, and only for what serves.
func TestGatewaySecrets(t *testing.T) {
	cert := fixture.NewPair(t, "example.com")
	g := resolveGateway(t, fixture.Secret("infra", "b", cert), fixture.Secret("infra", "a", cert),
		fixture.Secret("infra", "unused", cert), fixture.Gateway(`
tls: {backend: {clientCertificateRef: {name: a}}}
listeners:
- {name: one, port: 443, hostname: one.com, protocol: HTTPS, tls: {certificateRefs: [{name: b}, {name: a}]}}
- {name: two, port: 443, hostname: two.com, protocol: HTTPS, tls: {certificateRefs: [{name: b}]}}
- {name: torn, port: 8443, protocol: HTTPS, tls: {certificateRefs: [{name: unused}]}}
- {name: torn-too, port: 8443, protocol: HTTP}
`))
	var names []string
	for _, s := range g.Secrets {
		names = append(names, s.Name)
	}
	if got, want := strings.Join(names, " "), "infra/a infra/b"; got != want {
		t.Errorf("secrets %q, want %q", got, want)
	}
	if got, want := g.Secrets[1].Source, (ir.Source{Kind: "Gateway", Namespace: "infra", Name: "gw", Section: "one"}); got != want {
		t.Errorf("source %v, want %v", got, want)
	}
}
