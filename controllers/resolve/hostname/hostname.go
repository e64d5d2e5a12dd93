// Package hostname compares hostnames of the Gateway API: exact names, "*.suffix", and every name.
//
// Job: validity, cover, overlap, intersection and precedence. Inputs, outputs: strings in lower
// case. Ownership: PURE (package resolve).
package hostname

import (
	"net/netip"
	"regexp"
	"strings"
)

// Pattern is the one of Gateway API's Hostname: labels of RFC 1123, the first of
// which may be a lone wildcard.
var Pattern = regexp.MustCompile(`^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// Problem says what is wrong with a lower-case hostname of a listener, in words that
// follow its name; empty when nothing is. The API server checks the same, but objects also
// come from files.
func Problem(hostname string) string {
	switch {
	case len(hostname) > 253:
		return "is longer than 253 characters"
	case !Pattern.MatchString(hostname):
		return "is not a DNS name; use a name like www.example.com or *.example.com"
	}
	if _, err := netip.ParseAddr(hostname); err == nil {
		return "is an IP address; use a DNS name, or leave the hostname out to serve every name"
	}
	return ""
}

// Covers reports whether every name that narrow matches is matched by wide. Both are
// exact, "*.suffix", or empty for every name.
func Covers(wide, narrow string) bool {
	if wide == "" || wide == narrow {
		return true
	}
	suffix, wildcard := strings.CutPrefix(wide, "*")
	// "*.example.com" covers "a.example.com" and "*.a.example.com", but not "example.com".
	return wildcard && strings.HasSuffix(strings.TrimPrefix(narrow, "*"), suffix)
}

// Overlap reports whether some name is matched by both. Hostnames form a tree, so
// two overlap only when one covers the other.
func Overlap(a, b string) bool { return Covers(a, b) || Covers(b, a) }

// MoreSpecific orders hostnames as Gateway API selects listeners: exact names before
// wildcards, longer wildcards (more labels, then more characters) before shorter, and every
// name last.
func MoreSpecific(a, b string) bool {
	wildA, wildB := a == "" || strings.HasPrefix(a, "*"), b == "" || strings.HasPrefix(b, "*")
	if wildA != wildB {
		return wildB
	}
	if dotsA, dotsB := strings.Count(a, "."), strings.Count(b, "."); dotsA != dotsB {
		return dotsA > dotsB
	}
	return len(a) > len(b)
}

// Compare sorts the more specific hostname first.
func Compare(a, b string) int {
	switch {
	case MoreSpecific(a, b):
		return -1
	case MoreSpecific(b, a):
		return 1
	}
	return 0
}
