package listener

import (
	"strings"
	"testing"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
)

const (
	listenerGood = "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs Conflicted=False/NoConflicts"
	bothAfter    = " ResolvedRefs=True/ResolvedRefs Conflicted=False/NoConflicts"
)

// TestListenerValues has one case for each thing that a listener can have wrong in itself.
func TestListenerValues(t *testing.T) {
	cases := []struct {
		name     string
		listener string
		want     string // conditions
		message  string // part of the message that explains
		kinds    string
		serving  bool
	}{
		{"http", "port: 80\nprotocol: HTTP", listenerGood, "", "HTTPRoute GRPCRoute", true},
		{"tcp", "port: 9000\nprotocol: TCP", listenerGood, "", "TCPRoute", true},
		{"udp", "port: 9000\nprotocol: UDP", listenerGood, "", "UDPRoute", true},
		{"passthrough", "port: 443\nprotocol: TLS\ntls: {mode: Passthrough}", listenerGood, "", "TLSRoute", true},
		{"upper case hostname", "port: 80\nprotocol: HTTP\nhostname: WWW.Example.COM", listenerGood, "", "HTTPRoute GRPCRoute", true},
		{"unknown protocol", "port: 80\nprotocol: SCTP", "Accepted=False/UnsupportedProtocol" + bothAfter,
			`protocol "SCTP" is not supported; use HTTP`, "", false},
		{"readiness port", "port: 19003\nprotocol: HTTP", "Accepted=False/PortUnavailable" + bothAfter, "port 19003 is used by the proxy itself",
			"HTTPRoute GRPCRoute", false},
		{"metrics port", "port: 19001\nprotocol: HTTP", "Accepted=False/PortUnavailable" + bothAfter,
			"port 19001 is used by the proxy itself", "HTTPRoute GRPCRoute", false},
		{"readiness port, but UDP", "port: 19003\nprotocol: UDP", listenerGood, "", "UDPRoute", true},
		{"port out of range", "port: 70000\nprotocol: HTTP", "Accepted=False/PortUnavailable" + bothAfter, "port 70000 is not a port",
			"HTTPRoute GRPCRoute", false},
		{"hostname with space", "port: 80\nprotocol: HTTP\nhostname: a b", "Accepted=False/UnsupportedValue" + bothAfter,
			`hostname "a b" is not a DNS name`, "HTTPRoute GRPCRoute", false},
		{"hostname is an address", "port: 80\nprotocol: HTTP\nhostname: 192.0.2.1", "Accepted=False/UnsupportedValue" + bothAfter,
			"is an IP address", "HTTPRoute GRPCRoute", false},
		{"hostname of a TCP listener is ignored", "port: 80\nprotocol: TCP\nhostname: a b", listenerGood, "", "TCPRoute", true},
		{"tls on HTTP", "port: 80\nprotocol: HTTP\ntls: {mode: Terminate}", "Accepted=False/UnsupportedValue" + bothAfter,
			"tls is set, but protocol HTTP has none", "HTTPRoute GRPCRoute", false},
		{"TLS without tls", "port: 443\nprotocol: TLS", "Accepted=False/UnsupportedValue" + bothAfter, "tls is missing", "TLSRoute", false},
		{"passthrough HTTPS", "port: 443\nprotocol: HTTPS\ntls: {mode: Passthrough}", "Accepted=False/UnsupportedValue" + bothAfter,
			"use protocol TLS", "HTTPRoute GRPCRoute", false},
		{"unknown mode", "port: 443\nprotocol: TLS\ntls: {mode: Both}", "Accepted=False/UnsupportedValue" + bothAfter,
			`tls.mode "Both" is not supported`, "TLSRoute", false},
		{"own unknown option", "port: 443\nprotocol: TLS\ntls: {mode: Passthrough, options: {gateway.kedify.io/x: y}}",
			"Accepted=False/UnsupportedValue" + bothAfter, `"gateway.kedify.io/x", which this gateway does not know`, "TLSRoute", false},
		{"reserved option", "port: 443\nprotocol: TLS\ntls: {mode: Passthrough, options: {minVersion: y}}",
			"Accepted=False/UnsupportedValue" + bothAfter, `"minVersion"`, "TLSRoute", false},
		{"foreign option", "port: 443\nprotocol: TLS\ntls: {mode: Passthrough, options: {example.com/x: y}}", listenerGood,
			"example.com/x belong to other implementations and are ignored", "TLSRoute", true},
		{"selector without a selector", "port: 80\nprotocol: HTTP\nallowedRoutes: {namespaces: {from: Selector}}",
			"Accepted=False/UnsupportedValue" + bothAfter, "allowedRoutes.namespaces.selector is missing", "HTTPRoute GRPCRoute", false},
		{"invalid selector",
			"port: 80\nprotocol: HTTP\nallowedRoutes: {namespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: Near}]}}}",
			"Accepted=False/UnsupportedValue" + bothAfter, "allowedRoutes.namespaces.selector is not a valid label selector",
			"HTTPRoute GRPCRoute", false},
		{"only foreign kinds", "port: 80\nprotocol: HTTP\nallowedRoutes: {kinds: [{kind: InvalidRoute}]}",
			"Accepted=True/Accepted ResolvedRefs=False/InvalidRouteKinds Conflicted=False/NoConflicts",
			"allowedRoutes.kinds lists InvalidRoute, which a listener with protocol HTTP cannot take; it takes HTTPRoute, GRPCRoute.", "", false},
		{"some foreign kinds", "port: 80\nprotocol: HTTP\nallowedRoutes: {kinds: [{kind: InvalidRoute}, {kind: HTTPRoute}, {kind: HTTPRoute}]}",
			"Accepted=True/Accepted ResolvedRefs=False/InvalidRouteKinds Conflicted=False/NoConflicts", "InvalidRoute", "HTTPRoute", true},
		{"kind of a foreign group", "port: 80\nprotocol: HTTP\nallowedRoutes: {kinds: [{group: example.com, kind: HTTPRoute}]}",
			"Accepted=True/Accepted ResolvedRefs=False/InvalidRouteKinds Conflicted=False/NoConflicts", "example.com/HTTPRoute", "", false},
		{"kind of another protocol",
			"port: 443\nprotocol: TLS\ntls: {mode: Passthrough}\nallowedRoutes: {kinds: [{kind: TCPRoute}, {kind: TLSRoute}]}",
			"Accepted=True/Accepted ResolvedRefs=False/InvalidRouteKinds Conflicted=False/NoConflicts", "TCPRoute", "TLSRoute", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := resolveGateway(t, fixture.Gateway("listeners:\n- name: l\n"+fixture.Indent(c.listener)))
			l := listenerNamed(t, g, "l")
			if got := fixture.Summary(l.Conditions); got != c.want {
				t.Errorf("conditions\n got %s\nwant %s", got, c.want)
			}
			if all := allMessages(l); !strings.Contains(all, c.message) {
				t.Errorf("messages %q do not contain %q", all, c.message)
			}
			if got := groupKinds(l.Kinds); got != c.kinds {
				t.Errorf("kinds %q, want %q", got, c.kinds)
			}
			if l.Kinds == nil {
				t.Error("kinds are nil; a status needs an empty list to say none")
			}
			if l.Serving != c.serving || (l.Chain != "") != c.serving {
				t.Errorf("serving %v with chain %q, want %v", l.Serving, l.Chain, c.serving)
			}
		})
	}
}

func allMessages(l resolve.Listener) string {
	var messages []string
	for _, c := range l.Conditions {
		messages = append(messages, c.Message)
	}
	return strings.Join(messages, "\n")
}

func groupKinds(kinds []gwv1.RouteGroupKind) string {
	var names []string
	for _, kind := range kinds {
		names = append(names, groupKind(kind))
	}
	return strings.Join(names, " ")
}

// TestListenerNamespaces: the rules for routes are copied with the defaults of the API.
func TestListenerNamespaces(t *testing.T) {
	g := resolveGateway(t, fixture.Gateway(`
listeners:
- {name: default, port: 80, protocol: HTTP}
- {name: all, port: 81, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
- {name: selector, port: 82, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {a: b}}}}}
`))
	if from := *listenerNamed(t, g, "default").Namespaces.From; from != gwv1.NamespacesFromSame {
		t.Errorf("default is %s, want Same", from)
	}
	if from := *listenerNamed(t, g, "all").Namespaces.From; from != gwv1.NamespacesFromAll {
		t.Errorf("from is %s, want All", from)
	}
	l := listenerNamed(t, g, "selector")
	if l.Namespaces.Selector == nil || l.Namespaces.Selector.MatchLabels["a"] != "b" {
		t.Errorf("selector is %v, want a=b", l.Namespaces.Selector)
	}
}
