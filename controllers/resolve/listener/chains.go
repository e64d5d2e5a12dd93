package listener

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/hostname"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// chainID is the identity of the chain that serves a listener: the port alone where one chain
// serves it, else with the server name.
func chainID(l resolve.Listener) string {
	switch {
	case l.Protocol == gwv1.UDPProtocolType:
		// A TCP listener may have the same number; chains of one gateway are told apart.
		return "udp/" + portText(l.Port)
	case usesTLS(l.Protocol):
		return serverNameChain(l.Port, l.Hostname)
	}
	return portText(l.Port)
}

func serverNameChain(port uint32, serverName string) string {
	if serverName == "" {
		serverName = "*"
	}
	return portText(port) + "/" + serverName
}

func portText(port uint32) string { return strconv.FormatUint(uint64(port), 10) }

// ByPort merges the serving listeners of a Gateway by port. Cleartext HTTP, TCP and UDP
// ports have one chain; TLS ports have one per hostname of a listener, and one more for each
// other server name that a TLSRoute of the listener claims.
//
// forwards returns the layer 4 routes of a listener; nil means that there are none anywhere.
// A layer 4 chain without a route has a Forward without targets: its connections are closed.
func ByPort(g resolve.GatewayResult, forwards func(resolve.ListenerID) []resolve.ForwardFragment) []ir.Listener {
	if forwards == nil {
		forwards = func(resolve.ListenerID) []resolve.ForwardFragment { return nil }
	}
	type bind struct {
		port      uint32
		transport ir.Transport
	}
	byBind, closed := map[bind][]resolve.Listener{}, map[bind][]resolve.Listener{}
	for _, l := range g.Listeners {
		at := bind{port: l.Port, transport: transport(l.Protocol)}
		switch {
		case l.Serving:
			byBind[at] = append(byBind[at], l)
		case l.Closed && usesTLS(l.Protocol):
			closed[at] = append(closed[at], l)
		}
	}
	var listeners []ir.Listener
	for at, members := range byBind {
		listener := ir.Listener{Port: at.port, Transport: at.transport, IPv6: g.IPv6}
		if at.transport == ir.TCP {
			listener.ProxyProtocol = g.ProxyProtocol
		}
		for _, l := range members {
			listener.Sources = append(listener.Sources, l.Source())
			listener.Chains = append(listener.Chains, chainsOf(l, slices.Concat(members, closed[at]), forwards)...)
		}
		listener.Chains = append(listener.Chains, closedChains(closed[at], members)...)
		for i := range listener.Chains {
			listener.Chains[i].Log = g.AccessLog
			if chain := &listener.Chains[i]; chain.Forward == nil {
				chain.RefuseHTTP10, chain.Client, chain.Tracing = g.RefuseHTTP10, g.Client, g.Tracing
			}
		}
		listener.Chains = sortedOnce(listener.Chains)
		listeners = append(listeners, listener)
	}
	slices.SortFunc(listeners, func(a, b ir.Listener) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), strings.Compare(string(a.Transport), string(b.Transport)))
	})
	return listeners
}

// sortedOnce sorts chains by ID; the cleartext HTTP listeners of a port share theirs.
func sortedOnce(chains []ir.Chain) []ir.Chain {
	slices.SortStableFunc(chains, func(a, b ir.Chain) int { return strings.Compare(a.ID, b.ID) })
	return slices.CompactFunc(chains, func(a, b ir.Chain) bool { return a.ID == b.ID })
}

// chainsOf returns the chains of one listener among those of its port.
func chainsOf(l resolve.Listener, port []resolve.Listener, forwards func(resolve.ListenerID) []resolve.ForwardFragment) []ir.Chain {
	chain := ir.Chain{ID: l.Chain, TLS: l.TLS, Source: l.Source()}
	switch l.Protocol {
	case gwv1.HTTPProtocolType:
		return []ir.Chain{chain}
	case gwv1.HTTPSProtocolType:
		chain.SNI = l.Hostname
		return []ir.Chain{chain}
	case gwv1.TLSProtocolType:
		return serverNameChains(l, port, forwards(l.ID))
	default: // TCP and UDP
	}
	chain.Forward = &ir.L4Forward{Source: l.Source()}
	if fragments := byPrecedence(forwards(l.ID)); len(fragments) > 0 {
		chain.Forward = &fragments[0].Forward
	}
	return []ir.Chain{chain}
}

// serverNameChains returns the chain of the listener's own hostname and one for each server
// name that its routes claim within it. A name that belongs to a more specific listener of
// the port stays that listener's.
func serverNameChains(l resolve.Listener, port []resolve.Listener, fragments []resolve.ForwardFragment) []ir.Chain {
	chains := []ir.Chain{{
		ID: l.Chain, SNI: l.Hostname, TLS: l.TLS, Source: l.Source(),
		Forward: &ir.L4Forward{Source: l.Source()},
	}}
	taken := map[string]bool{}
	for _, fragment := range byPrecedence(fragments) {
		name := strings.TrimPrefix(fragment.SNI, "*")
		if name != "" {
			name = fragment.SNI
		}
		if taken[name] || !owns(l, port, name) {
			continue
		}
		taken[name] = true
		forward := fragment.Forward
		if name == l.Hostname {
			chains[0].Forward = &forward
			continue
		}
		chains = append(chains, ir.Chain{
			ID: serverNameChain(l.Port, name), SNI: name, TLS: l.TLS, Source: forward.Source, Forward: &forward,
		})
	}
	return chains
}

// closedChains are those of the hostnames of closed listeners (resolve.Listener.Closed) whose connections would be forwarded by a less
// specific TLS listener: they are closed. In the chain of an HTTPS listener the requests are answered (route.Wildcards).
func closedChains(closed, port []resolve.Listener) (chains []ir.Chain) {
	for _, l := range closed {
		forwarded := func(other resolve.Listener) bool { return !other.ServesHTTP() && owns(other, port, l.Hostname) }
		if slices.ContainsFunc(port, forwarded) {
			chains = append(chains, ir.Chain{
				ID: chainID(l), SNI: l.Hostname, Source: l.Source(), Forward: &ir.L4Forward{Source: l.Source()},
			})
		}
	}
	return chains
}

// owns reports whether connections for the server name are the listener's: it covers the
// name, and no other listener of the port does so more specifically.
func owns(l resolve.Listener, port []resolve.Listener, serverName string) bool {
	if !hostname.Covers(l.Hostname, serverName) {
		return false
	}
	return !slices.ContainsFunc(port, func(other resolve.Listener) bool {
		return hostname.Covers(other.Hostname, serverName) && hostname.MoreSpecific(other.Hostname, l.Hostname)
	})
}

// byPrecedence sorts the routes that claim the same traffic: the first one gets it. The hostname that the user
// wrote decides before the age.
func byPrecedence(fragments []resolve.ForwardFragment) []resolve.ForwardFragment {
	return slices.SortedStableFunc(slices.Values(fragments), func(a, b resolve.ForwardFragment) int {
		return cmp.Or(hostname.Compare(a.RouteHostname, b.RouteHostname), cmp.Compare(a.Created, b.Created), store.CompareKeys(a.Owner, b.Owner))
	})
}
