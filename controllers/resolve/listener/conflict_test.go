package listener

import (
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
)

// TestConflictsWithinGateway: of the listeners of one Gateway in conflict, none is accepted.
func TestConflictsWithinGateway(t *testing.T) {
	tls := ", tls: {mode: Passthrough}}"
	cases := []struct {
		name string
		a, b string // listeners
		want string // reason of both; empty: none
	}{
		{"distinct ports", "{port: 80, protocol: HTTP}", "{port: 81, protocol: HTTP}", ""},
		{"distinct hostnames", "{port: 80, protocol: HTTP, hostname: a.com}", "{port: 80, protocol: HTTP}", ""},
		{"same hostname", "{port: 80, protocol: HTTP, hostname: a.com}", "{port: 80, protocol: HTTP, hostname: A.com}", "HostnameConflict"},
		{"no hostname twice", "{port: 80, protocol: HTTP}", "{port: 80, protocol: HTTP}", "HostnameConflict"},
		{"HTTP and TCP", "{port: 80, protocol: HTTP}", "{port: 80, protocol: TCP}", "ProtocolConflict"},
		{"HTTP and TLS", "{port: 80, protocol: HTTP}", "{port: 80, protocol: TLS" + tls, "ProtocolConflict"},
		{"TLS and TCP", "{port: 80, protocol: TLS" + tls, "{port: 80, protocol: TCP}", "ProtocolConflict"},
		{"TCP twice", "{port: 80, protocol: TCP}", "{port: 80, protocol: TCP}", "ProtocolConflict"},
		{"UDP twice", "{port: 80, protocol: UDP}", "{port: 80, protocol: UDP}", "ProtocolConflict"},
		{"TCP and UDP", "{port: 53, protocol: TCP}", "{port: 53, protocol: UDP}", ""},
		{"HTTPS and TLS, distinct hostnames", "{port: 443, hostname: a.com, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}",
			"{port: 443, hostname: b.com, protocol: TLS" + tls, ""},
		{"HTTPS and TLS, same hostname", "{port: 443, hostname: a.com, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}",
			"{port: 443, hostname: a.com, protocol: TLS" + tls, "HostnameConflict"},
		{"with an unsupported one", "{port: 80, protocol: HTTP}", "{port: 80, protocol: SCTP}", ""},
		{"HTTPS without its certificate conflicts nevertheless", "{port: 80, protocol: HTTPS, tls: {certificateRefs: [{name: gone}]}}",
			"{port: 80, protocol: HTTP}", "ProtocolConflict"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := resolveGateway(t, fixture.Secret("infra", "cert", fixture.NewPair(t, "a.com")), fixture.Gateway(
				"listeners:\n- {name: bystander, port: 8080, protocol: HTTP}\n- {name: a, "+c.a[1:]+"\n- {name: b, "+c.b[1:]))
			for _, name := range []string{"a", "b"} {
				l := listenerNamed(t, g, name)
				conflicted := resolve.FindCondition(l.Conditions, "Conflicted")
				switch {
				case c.want == "" && conflicted.Reason != "NoConflicts":
					t.Errorf("%s: %s: %s", name, conflicted.Reason, conflicted.Message)
				case c.want != "" && (conflicted.Reason != c.want || resolve.FindCondition(l.Conditions, "Accepted").Reason != c.want || l.Serving):
					t.Errorf("%s: %s, serving %v, want %s", name, fixture.Summary(l.Conditions), l.Serving, c.want)
				case c.want != "" && l.TLS != nil:
					t.Errorf("%s: has TLS %v and does not serve", name, l.TLS)
				case c.want != "" && !strings.Contains(conflicted.Message, "neither is served"):
					t.Errorf("%s: message %q", name, conflicted.Message)
				}
			}
			if !listenerNamed(t, g, "bystander").Serving {
				t.Error("the bystander does not serve")
			}
			want := "Accepted=True/Accepted"
			if c.want != "" || strings.Contains(c.b, "SCTP") {
				want = "Accepted=True/ListenersNotValid"
			}
			if got := fixture.Summary(g.Conditions[:1]); got != want {
				t.Errorf("Gateway: %s, want %s", got, want)
			}
		})
	}
}

// TestConflictWithoutCA: a listener that is not accepted for what it refers to keeps its place,
// so that nothing moves when the reference is mended.
func TestConflictWithoutCA(t *testing.T) {
	g := resolveGateway(t, fixture.Gateway(`
allowedListeners: {namespaces: {from: All}}
tls: {frontend: {default: {validation: {caCertificateRefs: [{group: "", kind: ConfigMap, name: gone}]}}}}
listeners:
- {name: https, port: 443, protocol: HTTPS, hostname: a.com, tls: {certificateRefs: [{name: gone}]}}
- {name: ok, port: 80, protocol: HTTP}
`), listenerSet("infra", "set", "2026-01-01T00:00:00Z", "- {name: l, port: 443, protocol: TLS, hostname: a.com, tls: {mode: Passthrough}}"))
	if got := resolve.FindCondition(listenerNamed(t, g, "https").Conditions, "Accepted").Reason; got != "NoValidCACertificate" {
		t.Fatalf("https is %s", got)
	}
	if got := resolve.FindCondition(listenerNamed(t, g, "set/l").Conditions, "Accepted").Reason; got != "HostnameConflict" {
		t.Errorf("the listener of the set is %s", got)
	}
}

// TestConflictsAcrossOwners: the Gateway wins over sets, and older sets over younger ones.
func TestConflictsAcrossOwners(t *testing.T) {
	gateway := fixture.Gateway(`
allowedListeners: {namespaces: {from: All}}
listeners:
- {name: own, port: 80, protocol: HTTP, hostname: own.com}
- {name: tcp, port: 9000, protocol: TCP}
- {name: torn, port: 9000, protocol: HTTP}
`)
	older := listenerSet("b", "set-b", "2026-01-01T00:00:00Z", `
- {name: own, port: 80, protocol: HTTP, hostname: own.com}
- {name: mine, port: 80, protocol: HTTP, hostname: mine.com}
- {name: proto, port: 80, protocol: TCP}
- {name: contested, port: 9000, protocol: TCP}`)
	younger := listenerSet("a", "set-a", "2026-01-02T00:00:00Z", `
- {name: mine, port: 80, protocol: HTTP, hostname: mine.com}
- {name: proto, port: 80, protocol: HTTP, hostname: free.com}`)
	twin := listenerSet("c", "set-c", "2026-01-02T00:00:00Z", `
- {name: free, port: 80, protocol: HTTP, hostname: free.com}`)
	g := resolveGateway(t, gateway, younger, twin, older)
	for name, want := range map[string]string{
		"own":             "NoConflicts",
		"set-b/own":       "HostnameConflict",
		"set-b/mine":      "NoConflicts",
		"set-b/proto":     "ProtocolConflict",
		"set-b/contested": "ProtocolConflict", // a port over which listeners of the Gateway conflict is free for no set
		"set-a/mine":      "HostnameConflict",
		"set-a/proto":     "NoConflicts", // the TCP listener that lost takes no port
		"set-c/free":      "HostnameConflict",
	} {
		if got := resolve.FindCondition(listenerNamed(t, g, name).Conditions, "Conflicted"); got.Reason != want {
			t.Errorf("%s: %s (%s), want %s", name, got.Reason, got.Message, want)
		}
	}
	if message := fixture.Message(listenerNamed(t, g, "set-a/mine").Conditions, "Conflicted"); strings.Contains(message, "set-b") {
		t.Errorf("message %q tells of the set of another owner", message)
	}
	var sets []string
	for _, set := range g.ListenerSets {
		sets = append(sets, set.Key.Name+" "+fixture.Summary(set.Conditions))
	}
	got, want := strings.Join(sets, "\n"),
		"set-b Accepted=True/ListenersNotValid\n"+
			"set-a Accepted=True/ListenersNotValid\nset-c Accepted=False/ListenersNotValid"
	if got != want {
		t.Errorf("sets\n%s\nwant\n%s", got, want)
	}
}

// TestOverlappingTLSConfig: every TLS listener of a port with overlapping hostnames says so,
// and no other.
func TestOverlappingTLSConfig(t *testing.T) {
	g := resolveGateway(t, fixture.Secret("infra", "cert", fixture.NewPair(t, "a.com")), fixture.Gateway(`
listeners:
- {name: foo, port: 443, protocol: HTTPS, hostname: foo.example.com, tls: {certificateRefs: [{name: cert}]}}
- {name: org, port: 443, protocol: HTTPS, hostname: foo.example.org, tls: {certificateRefs: [{name: cert}]}}
- {name: wild, port: 443, protocol: TLS, hostname: "*.example.com", tls: {mode: Passthrough}}
- {name: elsewhere, port: 8443, protocol: HTTPS, hostname: foo.example.com, tls: {certificateRefs: [{name: cert}]}}
- {name: torn, port: 444, protocol: HTTPS, hostname: foo.example.com, tls: {certificateRefs: [{name: cert}]}}
- {name: torn-too, port: 444, protocol: HTTPS, hostname: FOO.example.com, tls: {certificateRefs: [{name: cert}]}}
- {name: alone, port: 444, protocol: HTTPS, hostname: "*.example.com", tls: {certificateRefs: [{name: cert}]}}
- {name: http, port: 80, protocol: HTTP, hostname: foo.example.com}
- {name: http-wild, port: 80, protocol: HTTP, hostname: "*.example.com"}
`))
	for name, want := range map[string]string{
		"foo": `listener "wild"`, "wild": `listener "foo"`, "org": "", "elsewhere": "", "http": "", "http-wild": "",
		"torn": "", "torn-too": "", "alone": "",
	} {
		got := resolve.FindCondition(listenerNamed(t, g, name).Conditions, "OverlappingTLSConfig")
		if want == "" && got.Type != "" ||
			want != "" && (got.Reason != "OverlappingHostnames" || got.Status != "True" || !strings.Contains(got.Message, want)) {
			t.Errorf("%s: %+v, want %q", name, got, want)
		}
	}
}

// TestMixedTermination: terminating beside passing through is a feature of v1.7, and of the experimental channel of
// v1.6; with standard CRDs of v1.6 it is a conflict (TLSRouteListenerMixedTerminationNotSupported).
func TestMixedTermination(t *testing.T) {
	documents := []string{fixture.Class, fixture.Secret("infra", "cert", fixture.NewPair(t, "a.com")), fixture.Gateway(`listeners:
- {name: a, port: 443, protocol: TLS, hostname: a.com, tls: {mode: Terminate, certificateRefs: [{name: cert}]}}
- {name: b, port: 443, protocol: TLS, hostname: b.com, tls: {mode: Passthrough}}
- {name: c, port: 444, protocol: TLS, hostname: a.com, tls: {mode: Terminate, certificateRefs: [{name: cert}]}}
- {name: d, port: 444, protocol: HTTPS, hostname: d.com, tls: {certificateRefs: [{name: cert}]}}`)}
	for installed, conflict := range map[class.CRD]bool{
		{Bundle: class.BundleVersion, Channel: "experimental"}: false, {Bundle: class.BundleVersion, Channel: "standard"}: false,
		{Bundle: "v1.6.3", Channel: "experimental"}: false, {Bundle: "v1.6.3", Channel: "standard"}: true,
	} {
		g := Gateway(fixture.Store(t, documents...).View(nil), fixture.GatewayKey, class.Setting{Installed: class.Installed{installed}})
		for name, mixed := range map[string]bool{"a": true, "b": true, "c": false, "d": false} {
			l := listenerNamed(t, g, name)
			accepted := resolve.FindCondition(l.Conditions, "Accepted")
			if refused := accepted.Reason == "ProtocolConflict"; refused != (mixed && conflict) || refused != (len(l.Kinds) == 0) {
				t.Errorf("%+v, listener %s: %s, %s; kinds %v", installed, name, accepted.Reason, accepted.Message, l.Kinds)
			}
		}
	}
}
