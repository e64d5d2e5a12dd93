package request

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kedify/inference-gateway/controllers/offline"
	"github.com/kedify/inference-gateway/internal/cli/chain"
	"github.com/kedify/inference-gateway/internal/edits"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/lookup"
)

// near is how many letters a name may differ by to be named as the one that was meant.
const near = 3

func noPort(asked Asked, gateway offline.Gateway) chain.Link {
	var ports []string
	for _, listener := range gateway.Tables.Listeners {
		ports = append(ports, fmt.Sprint(listener.Port))
	}
	link := chain.Link{Name: "listener", Evidence: fmt.Sprintf("no listener has port %d, so the connection is refused; the ports are %s.",
		asked.Port, strings.Join(ports, ", ")), Fix: "add a listener, or use one of the ports"}
	if len(ports) == 0 {
		link.Evidence = "no listener of the Gateway serves."
		link.Fix = "see the conditions of the listeners in the status of the Gateway"
	}
	return link
}

// wrongScheme is a request in cleartext to a port with TLS, or the other way round; empty: it is neither.
func wrongScheme(asked Asked, served ir.Chain) chain.Link {
	cleartext := served.TLS == nil && served.Forward == nil
	switch {
	case asked.TLS && cleartext:
		return chain.Link{Name: "listener", Evidence: fmt.Sprintf("port %d takes no TLS, so the handshake fails.", asked.Port),
			Fix: "use http://"}
	case !asked.TLS && served.TLS != nil:
		return chain.Link{Name: "listener", Evidence: fmt.Sprintf("port %d takes TLS alone, so the connection is closed.", asked.Port),
			Fix: "use https://"}
	}
	return chain.Link{}
}

func noServerName(asked Asked, listener ir.Listener) (chain.Link, int) {
	var names []string
	for _, served := range listener.Chains {
		names = append(names, served.SNI)
	}
	link := chain.Link{Name: "listener", Fix: "add a listener with the hostname, or without one"}
	text, distance := nearestText(asked.ServerName, names)
	link.Evidence = fmt.Sprintf("no listener of port %d takes the server name %q, so the connection is closed%s.", asked.Port,
		asked.ServerName, text)
	if asked.ServerName == "" {
		link.Evidence = fmt.Sprintf("no listener of port %d takes connections without a server name, so the connection is closed.", asked.Port)
	}
	return link, distance
}

// noHost is a host for which no table has a rule.
func (w World) noHost(asked Asked, tables lookup.Tables, served ir.Chain) (chain.Link, int) {
	host := lookup.Hostname(asked.Host)
	var names []string
	for place, table := range tables.Hosts {
		if place.Chain == served.ID && len(table.Routes) > 0 {
			names = append(names, place.Hostname)
		}
	}
	for _, each := range tables.Wildcards[served.ID].Hosts {
		if len(each.Routes) > 0 {
			names = append(names, each.Hostname)
		}
	}
	text, distance := nearestText(host, names)
	link := chain.Link{Name: "host", Evidence: fmt.Sprintf("host %s: no route, so the proxy answers 404%s.", host, text),
		Fix: "correct the host, or name it in hostnames of a route"}
	for _, hostname := range slices.Sorted(maps.Keys(w.Unserved)) {
		if lookup.DomainTakes(hostname, host) {
			link.Evidence = fmt.Sprintf("host %s: no route that is served, so the proxy answers 404; %s.", host,
				strings.TrimSuffix(w.Unserved[hostname], "."))
			link.Fix = "have the Gateway serve that route"
		}
	}
	return link, distance
}

// nearestText names the name that differs least; empty where none is near.
func nearestText(name string, names []string) (text string, distance int) {
	slices.Sort(names)
	best, distance := "", len(name)+1
	for _, other := range names {
		if d := edits.Distance(name, other); d < distance {
			best, distance = other, d
		}
	}
	if best == "" || distance > near {
		return "", distance
	}
	if distance == 1 {
		return "; " + best + " differs by one letter", distance
	}
	return fmt.Sprintf("; %s differs by %d letters", best, distance), distance
}

// noRule is a host without a rule for the request.
func noRule(asked Asked, host ir.Host) (chain.Link, int) {
	link := chain.Link{Name: "rule", Fix: "change the request, or the matches of the route"}
	best, distance := -1, 0
	for i := range host.Routes {
		if d := missDistance(host.Routes[i].Match, asked.Request); best < 0 || d < distance {
			best, distance = i, d
		}
	}
	nearest := host.Routes[best]
	var reasons []string
	for _, difference := range lookup.Differences(nearest.Match, asked.Request) {
		reasons = append(reasons, difference.String())
	}
	link.Evidence = fmt.Sprintf("none of the %d rules for host %s takes the request, so the proxy answers 404; the nearest is %s: %s.",
		len(host.Routes), host.Hostname, nearest.Source, strings.Join(reasons, "; "))
	return link, distance
}

// pathWeight is how much more a letter of a path counts than another part of a match.
const pathWeight = 10

// missDistance is how far a rule is away: a rule of the path with another method or header is nearer than one of another path, and
// of those one with fewer other letters.
func missDistance(match ir.Match, r lookup.Request) (distance int) {
	for _, difference := range lookup.Differences(match, r) {
		if difference.Part == lookup.PartPath {
			distance += pathWeight * max(1, edits.Distance(difference.Got, match.Path.Value))
		} else {
			distance++
		}
	}
	return distance
}
