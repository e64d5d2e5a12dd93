package hostname

import (
	"slices"
	"strings"
)

// Every is the hostname of fragments and hosts that take every name.
const Every = "*"

// Intersect returns the names that a listener and a route share, sorted and unique:
// exact names, "*.suffix", or "*" when neither side says any. Empty means no intersection.
// A listener without hostname takes those of the route, and the other way round.
func Intersect(listener string, route []string) []string {
	if len(route) == 0 {
		return []string{PatternOf(listener)}
	}
	var shared []string
	for _, hostname := range route {
		hostname = PatternOf(hostname)
		switch {
		case Covers(listener, hostname):
			shared = append(shared, hostname)
		case Covers(hostname, listener):
			shared = append(shared, PatternOf(listener))
		}
	}
	slices.Sort(shared)
	return slices.Compact(shared)
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
