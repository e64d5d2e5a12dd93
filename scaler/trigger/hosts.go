package trigger

import (
	"regexp"
	"slices"
	"strings"
)

// everyHost takes every name.
const everyHost = "*"

// maxHosts is what one HTTPRoute takes (gwv1.HTTPRouteSpec.Hostnames).
const maxHosts = 16

// hostPattern is gwv1.Hostname with the bound on labels of RFC 1035.
var hostPattern = regexp.MustCompile(`^(\*\.)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$`)

// hosts are required, in lower case.
func (r *reader) hosts() []string {
	if r.text(keyHosts) == "" {
		r.refuse(keyHosts, "hosts is missing; list the host names of the application, like www.example.com")
		return nil
	}
	hosts := r.list(keyHosts, maxHosts, lower)
	for _, host := range hosts {
		if fault := hostFault(host); fault != "" {
			r.refuse(keyHosts, "hosts item %s %s", quote(host), fault)
		}
	}
	if len(hosts) > 1 && slices.Contains(hosts, everyHost) {
		r.refuse(keyHosts, "hosts has %q beside other names, which it includes; keep one or the other", everyHost)
	}
	return hosts
}

// lower is ASCII's: other letters are refused afterwards, and some turn into ASCII.
func lower(host string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, host)
}

// hostFault says what is wrong with a host, and the fix.
func hostFault(host string) string {
	switch {
	case host == everyHost, len(host) <= 253 && hostPattern.MatchString(host):
		return ""
	case strings.Contains(host, "://"), strings.Contains(host, "/"):
		return "is not a host name alone; remove scheme and path"
	case strings.Contains(host, ":"):
		return "has a port; remove it: the name takes requests for any port"
	case strings.HasSuffix(host, "."):
		return "ends with a dot; remove it"
	case strings.IndexFunc(host, func(c rune) bool { return c > '~' }) >= 0:
		return "is not ASCII; write an international name in its xn-- form"
	default:
		return "is not a DNS name; use one like www.example.com, *.example.com or *"
	}
}
