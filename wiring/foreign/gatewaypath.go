package foreign

import "strings"

// httpPath is that of a match of an HTTPRoute.
func httpPath(match map[string]any) Path {
	value := textAt(match, "path", "value")
	if value == "" {
		value = "/"
	}
	switch textAt(match, "path", "type") {
	case "", "PathPrefix":
		return pathOf(PathPrefix, value)
	case "Exact":
		return pathOf(PathExact, value)
	}
	return Path{Kind: PathUnknown}
}

// grpcPath is that of a match of a GRPCRoute: a method is a path of two segments.
func grpcPath(match map[string]any) Path {
	service, method := textAt(match, "method", "service"), textAt(match, "method", "method")
	switch kind := textAt(match, "method", "type"); {
	case service == "" && method == "":
		return everyPath[0]
	case kind != "" && kind != "Exact", service == "":
		return Path{Kind: PathUnknown}
	case method == "":
		return pathOf(PathPrefix, "/"+service)
	}
	return pathOf(PathExact, "/"+service+"/"+method)
}

// rewrittenPaths returns the paths after the filters of a rule or of a backendRef.
func rewrittenPaths(holder item, paths []Path) []Path {
	for _, filter := range itemsAt(holder.pointer, holder.content, "filters") {
		modifier := mapAt(filter.content, "urlRewrite", "path")
		switch {
		case textAt(filter.content, "type") == "ExtensionRef":
			return unknownPaths
		case textAt(filter.content, "type") != "URLRewrite", modifier == nil:
		case textAt(modifier, "type") == "ReplaceFullPath":
			return []Path{pathOf(PathExact, textAt(modifier, "replaceFullPath"))}
		case textAt(modifier, "type") == "ReplacePrefixMatch":
			return replaced(paths, PathPrefix, textAt(modifier, "replacePrefixMatch"))
		default:
			return unknownPaths
		}
	}
	return paths
}

// replaced has other paths instead of those that begin with a value, of one kind: the prefix is
// replaced and the rest stays.
func replaced(paths []Path, kind PathKind, value string) []Path {
	all := make([]Path, len(paths))
	for i, path := range paths {
		all[i] = Path{Kind: PathUnknown}
		if path.Kind == kind {
			all[i] = pathOf(kind, "/"+strings.TrimPrefix(value, "/"))
		}
	}
	return all
}
