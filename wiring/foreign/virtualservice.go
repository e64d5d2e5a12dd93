package foreign

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// readVirtualService reads the destinations of routes. Mirrors get copies of requests and no
// requests.
func readVirtualService(object *unstructured.Unstructured) []reading {
	hosts := lower(meshHosts(object)...)
	var all []reading
	for _, protocol := range []string{"http", "tls", "tcp"} {
		for _, rule := range itemsAt("", object.Object, "spec", protocol) {
			authorities, names, paths := authority(rule, hosts), serverNames(rule, hosts), uriPaths(rule)
			for _, route := range itemsAt(rule.pointer, rule.content, "route") {
				found, ok := readDestination(object.GetNamespace(), route)
				if !ok {
					continue
				}
				found.Paths = everyPath
				switch protocol {
				case "http":
					found.Hosts, found.Paths = authority(route, authorities), paths
				case "tls":
					found.Hosts, found.TLS = names, true
				case "tcp":
					found.Refused = "The route is one of TCP connections, which have no host; the proxies route by hosts."
				}
				all = append(all, found)
			}
		}
	}
	return all
}

// meshHosts are the hosts of the object, with all names that the mesh knows a Service by.
func meshHosts(object *unstructured.Unstructured) []string {
	var all []string
	for _, host := range textsAt(object.Object, "spec", "hosts") {
		all = append(all, host)
		labels := strings.Split(host, ".")
		name, namespace, _ := serviceOfHost(host)
		if name == "" || name == "*" || len(labels) == 2 { // example.com is no Service
			continue
		}
		if namespace == "" {
			namespace = object.GetNamespace()
			all = append(all, name+"."+namespace+".svc.cluster.local")
		}
		if namespace == object.GetNamespace() {
			all = append(all, name)
		}
		all = append(all, name+"."+namespace, name+"."+namespace+".svc")
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func readDestination(namespace string, route item) (reading, bool) {
	destination := mapAt(route.content, "destination")
	name, other, suffix := serviceOfHost(textAt(destination, "host"))
	if name == "" {
		return reading{}, false
	}
	if other != "" {
		namespace = other
	}
	found := reading{element: destination, name: []string{"host"}, suffix: suffix}
	found.Pointer, found.Port = route.pointer+"/destination", port(at(destination, "port", "number"))
	found.Target.Key = types.NamespacedName{Namespace: namespace, Name: name}
	if destination["subset"] != nil {
		found.Refused = "The destination has a subset, which a DestinationRule defines for the host of the original Service; " +
			"without a DestinationRule for the host of the wired Service the subset has no endpoints."
	}
	return found, true
}

// serviceOfHost reads the host of a destination: "service", "service.namespace" or
// "service.namespace.svc" with any cluster domain. The namespace of a short name is that of the
// object. Suffix is everything after the name.
func serviceOfHost(host string) (name, namespace, suffix string) {
	labels := strings.Split(host, ".")
	switch {
	case len(labels) > 2 && labels[2] != "svc":
		return "", "", ""
	case len(labels) > 1:
		namespace = labels[1]
	}
	return labels[0], namespace, host[len(labels[0]):]
}

// authority returns the hosts that the destinations of a rule, or one destination of it, see.
func authority(holder item, hosts []string) []string {
	if host := textAt(holder.content, "rewrite", "authority"); host != "" {
		hosts = lower(host)
	}
	set := mapAt(holder.content, "headers", "request", "set")
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if host := textAt(set, name); host != "" && (strings.EqualFold(name, "host") || name == ":authority") {
			hosts = lower(host)
		}
	}
	return hosts
}

// uriPaths returns the paths of an HTTP rule after its rewrite, which replaces what a match compared.
func uriPaths(rule item) []Path {
	paths := matchedPaths(rule, "match", uriPath)
	rewrite := mapAt(rule.content, "rewrite")
	if rewrite["uriRegexRewrite"] != nil {
		return unknownPaths
	}
	uri := textAt(rewrite, "uri")
	if uri == "" {
		return paths
	}
	rewritten := make([]Path, len(paths))
	for i, path := range paths {
		rewritten[i] = path
		if path.Kind != PathUnknown {
			rewritten[i] = pathOf(path.Kind, uri)
		}
	}
	return rewritten
}

// uriPath is that of a match, which compares texts.
func uriPath(match map[string]any) Path {
	uri, ignoresCase := mapAt(match, "uri"), match["ignoreUriCase"] == true
	exact, prefix := textAt(uri, "exact"), textAt(uri, "prefix")
	switch {
	case len(uri) == 0, prefix == "/":
		return Path{PathBeginning, "/"}
	case ignoresCase:
		return Path{Kind: PathUnknown}
	case exact != "":
		return pathOf(PathExact, exact)
	}
	return pathOf(PathBeginning, prefix)
}

// serverNames returns the server names of TLS connections that a rule matches.
func serverNames(rule item, hosts []string) []string {
	var names []string
	for _, match := range itemsAt(rule.pointer, rule.content, "match") {
		names = append(names, textsAt(match.content, "sniHosts")...)
	}
	if len(names) == 0 {
		return hosts
	}
	return lower(names...)
}
