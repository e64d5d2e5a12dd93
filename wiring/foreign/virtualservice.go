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
	hosts := lower(textsAt(object.Object, "spec", "hosts")...)
	var all []reading
	for _, protocol := range []string{"http", "tls", "tcp"} {
		for _, rule := range itemsAt("", object.Object, "spec", protocol) {
			authorities, names := authority(rule, hosts), serverNames(rule, hosts)
			for _, route := range itemsAt(rule.pointer, rule.content, "route") {
				found, ok := readDestination(object.GetNamespace(), route)
				if !ok {
					continue
				}
				switch protocol {
				case "http":
					found.Hosts = authority(route, authorities)
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
