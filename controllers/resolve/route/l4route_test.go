package route

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

func l4Gateway(t testing.TB) string {
	return fixture.Gateway(`
listeners:
- {name: tcp, port: 9000, protocol: TCP, allowedRoutes: {namespaces: {from: All}}}
- {name: tcp2, port: 9001, protocol: TCP, allowedRoutes: {namespaces: {from: All}}}
- {name: udp, port: 5300, protocol: UDP, allowedRoutes: {namespaces: {from: All}}}
- {name: pass, port: 443, protocol: TLS, hostname: "*.pass.org", tls: {mode: Passthrough}, allowedRoutes: {namespaces: {from: All}}}
- {name: term, port: 443, protocol: TLS, hostname: "*.term.org", tls: {certificateRefs: [{name: cert}]},
   allowedRoutes: {namespaces: {from: All}}}
`) + "\n---\n" + fixture.Secret("infra", "cert", fixture.NewPair(t, "a.term.org"))
}

// forwardWords writes forwards as "listener name -> targets".
func forwardWords(r resolve.RouteResult) string {
	var words []string
	for _, f := range r.Forwards {
		text := f.Listener.Name + " " + f.SNI + " ->"
		for _, target := range f.Forward.Targets {
			name := target.Cluster.String()
			if target.Invalid {
				name = "closed"
			}
			text += fmt.Sprintf(" %s=%d", name, target.Weight)
		}
		words = append(words, text)
	}
	return strings.Join(words, ", ")
}

func TestL4Routes(t *testing.T) {
	const good = "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs"
	tests := []struct {
		name, kind, spec string
		conditions       string
		message          string
		forwards         string
	}{
		{name: "TCP on every TCP listener", kind: "TCPRoute", spec: "rules: [{backendRefs: [{name: web, port: 80}]}]", conditions: good,
			forwards: "tcp * -> service/app/web/80/tcp=1, tcp2 * -> service/app/web/80/tcp=1"},
		{name: "TCP by section", kind: "TCPRoute", spec: "parentRefs: [{name: gw, namespace: infra, sectionName: tcp2, port: 9001}]\n" +
			"rules: [{backendRefs: [{name: web, port: 443, weight: 3}, {name: nope, port: 80}]}]",
			conditions: "Accepted=True/Accepted ResolvedRefs=False/BackendNotFound",
			message:    "rules[0].backendRefs[1]: Service app/nope does not exist",
			forwards:   "tcp2 * -> service/app/web/443/tcp=3 closed=1"},
		{name: "TCP on a UDP listener", kind: "TCPRoute",
			spec:       "parentRefs: [{name: gw, namespace: infra, sectionName: udp}]\nrules: [{backendRefs: [{name: web, port: 80}]}]",
			conditions: "Accepted=False/NotAllowedByListeners ResolvedRefs=True/ResolvedRefs"},
		{name: "TCP to a UDP port", kind: "TCPRoute",
			spec:       "parentRefs: [{name: gw, namespace: infra, sectionName: tcp}]\nrules: [{backendRefs: [{name: web, port: 53}]}]",
			conditions: "Accepted=True/Accepted ResolvedRefs=False/BackendNotFound", message: "no TCP port 53", forwards: "tcp * -> closed=1"},
		{name: "TCP across namespaces", kind: "TCPRoute",
			spec: "parentRefs: [{name: gw, namespace: infra, sectionName: tcp}]\n" +
				"rules: [{backendRefs: [{name: web, namespace: other, port: 80}]}]",
			conditions: "Accepted=True/Accepted ResolvedRefs=False/RefNotPermitted", forwards: "tcp * -> closed=1"},
		{name: "TCP to a pool", kind: "TCPRoute", spec: "parentRefs: [{name: gw, namespace: infra, sectionName: tcp}]\n" +
			"rules: [{backendRefs: [{group: inference.networking.k8s.io, kind: InferencePool, name: chat}]}]",
			conditions: "Accepted=True/Accepted ResolvedRefs=False/InvalidKind", message: "use a Service", forwards: "tcp * -> closed=1"},
		{name: "UDP", kind: "UDPRoute", spec: "rules: [{backendRefs: [{name: web, port: 53}]}]", conditions: good,
			forwards: "udp * -> service/app/web/53/udp=1"},
		{name: "UDP to a TCP port", kind: "UDPRoute", spec: "rules: [{backendRefs: [{name: web, port: 80}]}]",
			conditions: "Accepted=True/Accepted ResolvedRefs=False/BackendNotFound", message: "has no UDP port 80", forwards: "udp * -> closed=1"},
		{name: "TLS, both modes", kind: "TLSRoute",
			spec: "hostnames: [a.pass.org, b.term.org, \"*.org\"]\nrules: [{backendRefs: [{name: web, port: 443}]}]", conditions: good,
			forwards: "pass *.pass.org -> service/app/web/443/tcp=1, pass a.pass.org -> service/app/web/443/tcp=1, " +
				"term *.term.org -> service/app/web/443/tls=1, term b.term.org -> service/app/web/443/tls=1"},
		{name: "TLS without a common name", kind: "TLSRoute", spec: "hostnames: [a.other.org]\nrules: [{backendRefs: [{name: web, port: 443}]}]",
			conditions: "Accepted=False/NoMatchingListenerHostname ResolvedRefs=True/ResolvedRefs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			result := resolveRoute(t, store.Kind(tt.kind), l4Gateway(t), fixture.WebService, elsewhere, fixture.ChatPool,
				fixture.Route(tt.kind, "web", tt.spec))
			parent := onlyParent(t, result)
			if got := fixture.Summary(parent.Conditions); got != tt.conditions {
				t.Errorf("conditions %s, want %s", got, tt.conditions)
			}
			fixture.ExpectMessage(t, parent.Conditions, "ResolvedRefs", tt.message)
			if got := forwardWords(result); got != tt.forwards {
				t.Errorf("forwards\n got %s\nwant %s", got, tt.forwards)
			}
			for _, f := range result.Forwards {
				if f.Created == 0 || f.Owner.String() != "app/web" || f.Forward.Source.Kind != tt.kind {
					t.Errorf("forward %+v", f)
				}
			}
			for _, cluster := range result.Clusters {
				if cluster.Route == ir.RouteHTTP {
					t.Errorf("cluster %s is one of HTTPRoutes", cluster)
				}
			}
		})
	}
}
