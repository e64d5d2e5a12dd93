package lookup

import (
	"strings"

	"github.com/kedify/inference-gateway/xds/ir"
)

// Place is where the table of an exact hostname is.
type Place struct{ Chain, Hostname string }

// Tables are all tables of a Gateway.
type Tables struct {
	Listeners []ir.Listener
	// Hosts are exact hostnames, Wildcards the fallback tables by chain.
	Hosts     map[Place]ir.Host
	Wildcards map[string]ir.Wildcards
}

// Found is how far a request gets: what is nil does not exist.
type Found struct {
	// Listener of the port.
	Listener *ir.Listener
	// Chain of the server name. Nil: the connection is closed.
	Chain *ir.Chain
	// Host whose table the request is looked up in. Nil: 404.
	Host *ir.Host
	// Route that takes it. Nil: 404.
	Route *ir.Route
}

// Find returns what takes a request.
func (t Tables) Find(r Request) (found Found) {
	if found.Listener = t.listener(r.Port); found.Listener == nil {
		return found
	}
	if found.Chain = chainOf(*found.Listener, r.ServerName); found.Chain == nil || found.Chain.Forward != nil {
		return found
	}
	if found.Host = t.host(found.Chain.ID, Hostname(r.Host)); found.Host == nil {
		return found
	}
	for i := range found.Host.Routes {
		if Takes(found.Host.Routes[i].Match, r) {
			found.Route = &found.Host.Routes[i]
			return found
		}
	}
	return found
}

func (t Tables) listener(port uint32) *ir.Listener {
	for i := range t.Listeners {
		if t.Listeners[i].Port == port && t.Listeners[i].Transport == ir.TCP {
			return &t.Listeners[i]
		}
	}
	return nil
}

// chainOf returns the chain with the most specific server name that takes a name.
func chainOf(listener ir.Listener, serverName string) (best *ir.Chain) {
	for i := range listener.Chains {
		chain := &listener.Chains[i]
		if DomainTakes(chain.SNI, strings.ToLower(serverName)) && (best == nil || DomainBeats(chain.SNI, best.SNI)) {
			best = chain
		}
	}
	return best
}

func (t Tables) host(chain, hostname string) *ir.Host {
	if host, exact := t.Hosts[Place{Chain: chain, Hostname: hostname}]; exact {
		return &host
	}
	var best *ir.Host
	hosts := t.Wildcards[chain].Hosts
	for i := range hosts {
		if DomainTakes(hosts[i].Hostname, hostname) && (best == nil || DomainBeats(hosts[i].Hostname, best.Hostname)) {
			best = &hosts[i]
		}
	}
	return best
}

// Hostname is a Host header as tables have it: in lower case, without a port and without a dot at its end.
func Hostname(host string) string {
	host = strings.ToLower(host)
	if end := strings.LastIndex(host, "]"); strings.HasPrefix(host, "[") && end >= 0 {
		return host[:end+1]
	}
	host, _, _ = strings.Cut(host, ":")
	return strings.TrimSuffix(host, ".")
}

// DomainTakes reports whether a domain takes a name: it is the name, "*.suffix" of it, or "*" or empty for every name.
func DomainTakes(domain, name string) bool {
	if domain == "" || domain == "*" || domain == name {
		return true
	}
	return strings.HasPrefix(domain, "*.") && strings.HasSuffix(name, domain[1:]) && len(name) > len(domain)-1
}

// DomainBeats reports whether the proxy prefers a domain to another one that takes the same name: exact, the longer suffix, every name.
func DomainBeats(a, b string) bool { return rank(a) > rank(b) }

// longest is more than the length of any hostname.
const longest = 1000

func rank(domain string) int {
	switch {
	case domain == "" || domain == "*":
		return 0
	case strings.HasPrefix(domain, "*"):
		return len(domain)
	default:
		return longest
	}
}
