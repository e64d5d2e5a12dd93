package resolve

import (
	"net/netip"
	"regexp"
	"strings"
)

// hostnamePattern is the one of Gateway API's Hostname: labels of RFC 1123, the first of
// which may be a lone wildcard.
var hostnamePattern = regexp.MustCompile(`^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// hostnameProblem says what is wrong with a lower-case hostname of a listener, in words that
// follow its name; empty when nothing is. The API server checks the same, but objects also
// come from files.
func hostnameProblem(hostname string) string {
	switch {
	case len(hostname) > 253:
		return "is longer than 253 characters"
	case !hostnamePattern.MatchString(hostname):
		return "is not a DNS name; use a name like www.example.com or *.example.com"
	}
	if _, err := netip.ParseAddr(hostname); err == nil {
		return "is an IP address; use a DNS name, or leave the hostname out to serve every name"
	}
	return ""
}

// hostnameCovers reports whether every name that narrow matches is matched by wide. Both are
// exact, "*.suffix", or empty for every name.
func hostnameCovers(wide, narrow string) bool {
	if wide == "" || wide == narrow {
		return true
	}
	suffix, wildcard := strings.CutPrefix(wide, "*")
	// "*.example.com" covers "a.example.com" and "*.a.example.com", but not "example.com".
	return wildcard && strings.HasSuffix(strings.TrimPrefix(narrow, "*"), suffix)
}

// hostnamesOverlap reports whether some name is matched by both. Hostnames form a tree, so
// two overlap only when one covers the other.
func hostnamesOverlap(a, b string) bool { return hostnameCovers(a, b) || hostnameCovers(b, a) }

// moreSpecific orders hostnames as Gateway API selects listeners: exact names before
// wildcards, longer wildcards (more labels, then more characters) before shorter, and every
// name last.
func moreSpecific(a, b string) bool {
	wildA, wildB := a == "" || strings.HasPrefix(a, "*"), b == "" || strings.HasPrefix(b, "*")
	if wildA != wildB {
		return wildB
	}
	if dotsA, dotsB := strings.Count(a, "."), strings.Count(b, "."); dotsA != dotsB {
		return dotsA > dotsB
	}
	return len(a) > len(b)
}
