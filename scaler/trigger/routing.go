package trigger

import (
	"regexp"
	"slices"
	"strings"

	"github.com/kedify/inference-gateway/xds/ir/check"
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
		if problem := hostProblem(host); problem != "" {
			r.refuse(keyHosts, "hosts item %s %s", quote(host), problem)
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

// hostProblem says what is wrong with a host, and the fix.
func hostProblem(host string) string {
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

const (
	rootPath = "/"
	// maxPaths is what one rule of an HTTPRoute takes (gwv1.HTTPRouteRule.Matches).
	maxPaths = 64
	// maxPathBytes is gwv1.HTTPPathMatch.Value's.
	maxPathBytes = 1024
)

// pathPattern is what gwv1.HTTPPathMatch takes.
var pathPattern = regexp.MustCompile(`^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$`)

// pathPrefixes default to the root.
func (r *reader) pathPrefixes() []string {
	prefixes := r.list(keyPathPrefixes, maxPaths, func(prefix string) string { return withoutSlash(check.NormalPath(prefix)) })
	for _, prefix := range prefixes {
		if problem := pathProblem(prefix); problem != "" {
			r.refuse(keyPathPrefixes, "pathPrefixes item %s %s", quote(prefix), problem)
			continue
		}
		if meant, asterisk := withoutAsterisk(prefix); asterisk {
			r.warn(keyPathPrefixes, "pathPrefixes item %s has an asterisk, which matches itself alone; write %s, which matches everything below",
				quote(prefix), quote(meant))
		}
	}
	if len(prefixes) == 0 {
		return []string{rootPath}
	}
	return prefixes
}

// path returns one path in the form in which the proxy sees those of requests; empty when it is not
// set or wrong.
func (r *reader) path(key string) string {
	path := check.NormalPath(r.text(key))
	if path == "" {
		return ""
	}
	if problem := pathProblem(path); problem != "" {
		r.refuse(key, "%s %s %s", key, quote(path), problem)
		return ""
	}
	if _, asterisk := withoutAsterisk(path); asterisk {
		r.warn(key, "%s %s has an asterisk, which matches itself alone; write the path that requests have", key, quote(path))
	}
	return path
}

// withoutAsterisk returns the longest prefix of whole segments without an asterisk, and whether the path has
// one. Paths have no patterns here; those of an Ingress and of other gateways do.
func withoutAsterisk(path string) (prefix string, has bool) {
	before, _, has := strings.Cut(path, "*")
	if !has {
		return path, false
	}
	return withoutSlash(before[:strings.LastIndex(before, rootPath)+1]), true
}

// withoutSlash makes "/foo/" and "/foo" one: both match whole segments below. An empty
// segment stays, to be refused.
func withoutSlash(prefix string) string {
	if len(prefix) > 1 && !strings.HasSuffix(prefix, "//") {
		return strings.TrimSuffix(prefix, rootPath)
	}
	return prefix
}

// pathProblem says what is wrong with a path, and the fix. A generated route would be refused
// for the same.
func pathProblem(path string) string {
	switch {
	case !strings.HasPrefix(path, rootPath):
		return "does not start with a slash; write " + quote(rootPath+path)
	case len(path) > maxPathBytes:
		return "is longer than 1024 bytes; shorten it"
	case strings.ContainsAny(path, "?#"):
		return "has a query or fragment; write the path alone"
	case strings.Contains(strings.ToLower(path), "%2f"):
		return "has an encoded slash; write a plain one"
	case strings.Contains(path, "//"):
		return "has an empty segment; write one slash"
	case dotted(path):
		return "has a segment . or ..; write the path that is meant"
	case !pathPattern.MatchString(path):
		return "has a character that no path has; write it in its percent-encoded form"
	default:
		return ""
	}
}

func dotted(path string) bool {
	for _, segment := range strings.Split(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}
