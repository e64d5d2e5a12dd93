package foreign

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Path is a set of paths of requests.
type Path struct {
	Kind PathKind
	// Value begins with a slash; empty with PathUnknown.
	Value string
}

// PathKind says which paths a Path has.
type PathKind string

const (
	// PathPrefix has the paths that begin with the segments of the value.
	PathPrefix PathKind = "Prefix"
	// PathBeginning has the paths that begin with the value as a text: /api is one of /apis, too.
	PathBeginning PathKind = "Beginning"
	// PathExact has one path.
	PathExact PathKind = "Exact"
	// PathUnknown may have every path: a regular expression, a rewrite, a choice of the controller.
	PathUnknown PathKind = "Unknown"
)

var (
	everyPath    = []Path{{PathPrefix, "/"}}
	unknownPaths = []Path{{Kind: PathUnknown}}
)

// pathOf makes a path of what an object says, by its kind. What proxies normalize is unknown.
func pathOf(kind PathKind, value string) Path {
	switch {
	case !strings.HasPrefix(value, "/"), strings.Contains(value, "//"), strings.Contains(value, "/."), strings.ContainsAny(value, `%\?#`):
		return Path{Kind: PathUnknown}
	case kind == PathPrefix && value != "/":
		value = strings.TrimSuffix(value, "/")
	}
	return Path{kind, value}
}

// pathWords are parts of the keys of annotations by which controllers change paths, or read those of the
// object in another way. One that is not meant costs a trigger with pathPrefixes its rewrite; one that is
// missed costs requests.
var pathWords = []string{
	"rewrite", "regex", "snippet", "strip-p", "middlewares", "transform", "plugin", "path-prefix", "path-type", "pathmatcher",
	"config-backend", "konghq.com/path", "konghq.com/override",
}

// hidesPaths reports whether an annotation of an object may make the paths that backends see others than
// those of the object.
func hidesPaths(object *unstructured.Unstructured) bool {
	for key, value := range mapAt(object.Object, "metadata", "annotations") {
		if text, _ := value.(string); text == "" || strings.EqualFold(text, "false") {
			continue
		}
		if slices.ContainsFunc(pathWords, func(word string) bool { return strings.Contains(key, word) }) {
			return true
		}
	}
	return false
}

// ingressPath is that of a path of an Ingress. With pathType ImplementationSpecific the controller
// decides.
func ingressPath(content map[string]any) []Path {
	value := textAt(content, "path")
	switch pathType := textAt(content, "pathType"); {
	case value == "":
		return everyPath
	case pathType == "Prefix":
		return []Path{pathOf(PathPrefix, value)}
	case pathType == "Exact":
		return []Path{pathOf(PathExact, value)}
	}
	return unknownPaths
}

// matchedPaths returns the paths of each match in a field of a rule; without one the rule takes every path.
func matchedPaths(rule item, field string, read func(match map[string]any) Path) []Path {
	var paths []Path
	for _, match := range itemsAt(rule.pointer, rule.content, field) {
		paths = append(paths, read(match.content))
	}
	if len(paths) == 0 {
		return everyPath
	}
	return paths
}
