package route

import (
	"maps"
	"slices"
	"strings"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/hostname"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Host is the table of one exact hostname of a chain. at returns the fragments of a listener
// for one hostname pattern. ok is false when the hostname needs no table of its own: another
// chain owns it, or nothing names it exactly, and Wildcards serves it.
//
// A request belongs to the most specific listener of its port, and to that one alone
// (Gateway API, listener isolation): routes of less specific listeners are not in the table,
// also when the owner has none.
func Host(g resolve.GatewayResult, chain, hostname string, at func(resolve.ListenerID, string) []resolve.Fragment) (host ir.Host, ok bool) {
	owner, found := ownerOf(chainPort(g, chain), hostname)
	if !found || owner.Chain != chain {
		return ir.Host{}, false
	}
	named := owner.Hostname == hostname || len(at(owner.ID, hostname)) > 0
	if !named {
		return ir.Host{}, false
	}
	return hostOf(g, owner, hostname, at), true
}

// hostOf is the host of a hostname that belongs to a listener.
func hostOf(g resolve.GatewayResult, owner resolve.Listener, name string, at func(resolve.ListenerID, string) []resolve.Fragment) ir.Host {
	host := ir.Host{Chain: owner.Chain, Hostname: name, Routes: routesOf(owner, name, at), Fields: g.RouteFields,
		ModelBody: g.Client.MaxModelBody}
	switch filters := owner.Filters; {
	case filters == nil:
	case filters.Unresolved:
		return host.Answering(ir.ListenerFiltersField, ir.FiltersFailed(), owner.Source())
	default:
		host.Filters = &filters.ListenerFilters
	}
	return host
}

// Wildcards is the fallback table of a chain. patterns are all wildcard hostnames under
// which fragments exist on listeners of the chain.
//
// Every wildcard hostname of a listener of the chain has a host, with or without routes. On
// TLS ports, hostnames of other listeners have one that answers 421: the request came over a
// connection made for another server name (RFC 9110 section 15.5.20). Those of closed listeners answer 500, on all ports.
func Wildcards(
	g resolve.GatewayResult, chain string, patterns []string, at func(resolve.ListenerID, string) []resolve.Fragment,
) ir.Wildcards {
	listeners := chainPort(g, chain)
	table := ir.Wildcards{Chain: chain}
	for _, pattern := range hostPatterns(listeners, chain, patterns) {
		owner, found := ownerOf(listeners, pattern)
		switch {
		case !found:
			continue
		case owner.Chain == chain:
			table.Hosts = append(table.Hosts, hostOf(g, owner, pattern, at))
		case hostname.PatternOf(owner.Hostname) == pattern:
			table.Hosts = append(table.Hosts, answeredElsewhere(chain, owner))
		}
		// Otherwise the pattern lies within the hostname of a listener elsewhere, and so does
		// every name that meets it: the host of that listener answers.
	}
	return table
}

// chainPort returns the listeners that share the port of the chain and can serve.
func chainPort(g resolve.GatewayResult, chain string) []resolve.Listener {
	var port uint32
	for _, listener := range g.Listeners {
		if listener.Chain == chain {
			port = listener.Port
		}
	}
	var listeners []resolve.Listener
	for _, listener := range g.Listeners {
		if (listener.Chain != "" || listener.Closed) && listener.Port == port && listener.HasHostnames() {
			listeners = append(listeners, listener)
		}
	}
	return listeners
}

// ownerOf returns the listener with the most specific hostname that covers the given one.
func ownerOf(listeners []resolve.Listener, name string) (owner resolve.Listener, found bool) {
	for _, listener := range listeners {
		if !hostname.Covers(listener.Hostname, name) {
			continue
		}
		if !found || hostname.MoreSpecific(listener.Hostname, owner.Hostname) {
			owner, found = listener, true
		}
	}
	return owner, found
}

// hostPatterns returns the hostnames that the fallback table decides on, sorted.
func hostPatterns(listeners []resolve.Listener, chain string, patterns []string) []string {
	all := slices.Clone(patterns)
	for _, listener := range listeners {
		// Exact hostnames of the chain itself have tables of their own.
		if hostname := hostname.PatternOf(listener.Hostname); listener.Chain != chain || strings.HasPrefix(hostname, "*") {
			all = append(all, hostname)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// routesOf merges the rules that a listener has for a hostname: those of more specific
// hostnames first, then those of routes with more specific hostnames.
func routesOf(owner resolve.Listener, name string, at func(resolve.ListenerID, string) []resolve.Fragment) []ir.Route {
	var routes []ir.Route
	for _, pattern := range hostname.Wider(name) {
		// Nothing of this listener is attached under a hostname wider than its own.
		if !hostname.Covers(owner.Hostname, pattern) {
			break
		}
		for _, rule := range mergeRules(at(owner.ID, pattern)) {
			routes = append(routes, rule.Route)
		}
	}
	return routes
}

// mergeRules sorts the rules of fragments with one hostname by precedence: by the hostnames of their routes,
// then by Compare.
func mergeRules(fragments []resolve.Fragment) []resolve.Rule {
	byHostname := map[string][]resolve.Rule{}
	for _, fragment := range fragments {
		byHostname[fragment.RouteHostname] = append(byHostname[fragment.RouteHostname], *fragment.Rules...)
	}
	var merged []resolve.Rule
	for _, name := range slices.SortedFunc(maps.Keys(byHostname), hostname.Compare) {
		slices.SortStableFunc(byHostname[name], Compare)
		merged = append(merged, byHostname[name]...)
	}
	return merged
}

// answeredElsewhere is the host that answers for a listener that the chain does not serve.
func answeredElsewhere(chain string, listener resolve.Listener) ir.Host {
	pattern := hostname.PatternOf(listener.Hostname)
	host := ir.Host{Chain: chain, Hostname: pattern}
	if listener.Closed {
		return host.Answering("closed "+pattern, ir.FiltersFailed(), listener.Source())
	}
	return host.Answering("misdirected "+pattern, ir.Respond{StatusCode: statusMisdirected, Reason: reasonMisdirected}, listener.Source())
}
