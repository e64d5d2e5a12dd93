package resolve

import (
	"slices"
	"strings"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// everyName is the hostname of fragments and hosts that take every name.
const everyName = "*"

// setHostnames takes the hostnames of a route, in lower case. The API server checks them, but
// objects also come from files: a route with a wrong one is not accepted.
func (r *routeResolver) setHostnames(hostnames []gwv1.Hostname) {
	for i, value := range hostnames {
		lower := strings.ToLower(string(value))
		if len(lower) > 253 || !hostnamePattern.MatchString(lower) {
			r.hostnameFault = refuse(gwv1.RouteReasonUnsupportedValue,
				"spec.hostnames[%d] %q is not a DNS name; use a name like www.example.com or *.example.com.", i, value)
			return
		}
		r.hostnames = append(r.hostnames, lower)
	}
}

// intersectHostnames returns the names that a listener and a route share, sorted and unique:
// exact names, "*.suffix", or "*" when neither side says any. Empty means no intersection.
// A listener without hostname takes those of the route, and the other way round.
func intersectHostnames(listener string, route []string) []string {
	if len(route) == 0 {
		return []string{patternOf(listener)}
	}
	var shared []string
	for _, hostname := range route {
		hostname = patternOf(hostname)
		switch {
		case hostnameCovers(listener, hostname):
			shared = append(shared, hostname)
		case hostnameCovers(hostname, listener):
			shared = append(shared, patternOf(listener))
		}
	}
	slices.Sort(shared)
	return slices.Compact(shared)
}

// patternOf names a hostname as fragments do.
func patternOf(hostname string) string {
	if hostname == "" {
		return everyName
	}
	return hostname
}

// widerPatterns returns the hostname itself and every wildcard that covers it, from the most
// to the least specific: "a.b.c", "*.b.c", "*.c", "*".
func widerPatterns(hostname string) []string {
	if hostname == everyName {
		return []string{everyName}
	}
	patterns := []string{hostname}
	rest := strings.TrimPrefix(hostname, "*.")
	for {
		_, suffix, more := strings.Cut(rest, ".")
		if !more {
			return append(patterns, everyName)
		}
		patterns = append(patterns, "*."+suffix)
		rest = suffix
	}
}
