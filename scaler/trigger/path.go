package trigger

import (
	"regexp"
	"strings"
)

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
	prefixes := r.list(keyPathPrefixes, maxPaths, withoutSlash)
	for _, prefix := range prefixes {
		if fault := pathFault(prefix); fault != "" {
			r.refuse(keyPathPrefixes, "pathPrefixes item %s %s", quote(prefix), fault)
		}
	}
	if len(prefixes) == 0 {
		return []string{rootPath}
	}
	return prefixes
}

// path returns one path; empty when it is not set or wrong.
func (r *reader) path(key string) string {
	path := r.text(key)
	if path == "" {
		return ""
	}
	if fault := pathFault(path); fault != "" {
		r.refuse(key, "%s %s %s", key, quote(path), fault)
		return ""
	}
	return path
}

// withoutSlash makes "/foo/" and "/foo" one: both match whole segments below. An empty
// segment stays, to be refused.
func withoutSlash(prefix string) string {
	if len(prefix) > 1 && !strings.HasSuffix(prefix, "//") {
		return strings.TrimSuffix(prefix, rootPath)
	}
	return prefix
}

// pathFault says what is wrong with a path, and the fix. A generated route would be refused
// for the same.
func pathFault(path string) string {
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
