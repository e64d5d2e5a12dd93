package hostname

import (
	"cmp"
	"slices"
	"strings"
)

// Every is the hostname of fragments and hosts that take every name.
const Every = "*"

// Shared is a name that a listener and a route have in common: exact, "*.suffix", or "*" when neither
// side says any.
type Shared struct {
	Name string
	// Route is the most specific hostname of the route that covers it; "*" of a route without hostnames.
	// Routes with the same name go by it (Gateway API, GatewayRouteHostnameIntersectionPrecedence).
	Route string
}

// Intersect returns the names that a listener and a route share, sorted and unique.
// Empty means no intersection. A listener without hostname takes those of the route, and the
// other way round.
func Intersect(listener string, route []string) []Shared {
	if len(route) == 0 {
		return []Shared{{Name: PatternOf(listener), Route: Every}}
	}
	var shared []Shared
	for _, hostname := range route {
		hostname = PatternOf(hostname)
		switch {
		case Covers(listener, hostname):
			shared = append(shared, Shared{Name: hostname, Route: hostname})
		case Covers(hostname, listener):
			shared = append(shared, Shared{Name: PatternOf(listener), Route: hostname})
		}
	}
	slices.SortFunc(shared, func(a, b Shared) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), Compare(a.Route, b.Route))
	})
	return slices.CompactFunc(shared, func(a, b Shared) bool { return a.Name == b.Name })
}

// PatternOf names a hostname as fragments do.
func PatternOf(hostname string) string {
	if hostname == "" {
		return Every
	}
	return hostname
}

// Wider returns the hostname itself and every wildcard that covers it, from the most
// to the least specific: "a.b.c", "*.b.c", "*.c", "*".
func Wider(hostname string) []string {
	if hostname == Every {
		return []string{Every}
	}
	patterns := []string{hostname}
	rest := strings.TrimPrefix(hostname, "*.")
	for {
		_, suffix, more := strings.Cut(rest, ".")
		if !more {
			return append(patterns, Every)
		}
		patterns = append(patterns, "*."+suffix)
		rest = suffix
	}
}
