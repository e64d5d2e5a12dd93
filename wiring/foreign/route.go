package foreign

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// readRoute reads the targets of a Route of OpenShift.
func readRoute(object *unstructured.Unstructured) []reading {
	targets := itemsAt("", object.Object, "spec", "alternateBackends")
	if to := mapAt(object.Object, "spec", "to"); to != nil {
		targets = append([]item{{"/spec/to", to}}, targets...)
	}
	common := Reference{Hosts: routeHosts(object), Port: targetPort(object), Paths: everyPath}
	if path := textAt(object.Object, "spec", "path"); path != "" {
		common.Paths = []Path{pathOf(PathPrefix, path)}
	}
	termination := textAt(object.Object, "spec", "tls", "termination")
	common.TLS = termination == "reencrypt" || termination == "passthrough"
	var all []reading
	for _, target := range targets {
		name, kind := textAt(target.content, "name"), textAt(target.content, "kind")
		if name == "" || kind != "" && kind != serviceKind {
			continue
		}
		found := reading{Reference: common, element: target.content, name: []string{"name"}}
		found.Pointer, found.Target.Key = target.pointer, types.NamespacedName{Namespace: object.GetNamespace(), Name: name}
		all = append(all, found)
	}
	return all
}

// routeHosts: with the policy Subdomain a Route serves all names beside its host.
func routeHosts(object *unstructured.Unstructured) []string {
	host := textAt(object.Object, "spec", "host")
	if _, domain, has := strings.Cut(host, "."); has && textAt(object.Object, "spec", "wildcardPolicy") == "Subdomain" {
		host = "*." + domain
	}
	return lower(host)
}

func targetPort(object *unstructured.Unstructured) intstr.IntOrString {
	value := at(object.Object, "spec", "port", "targetPort")
	if name, is := value.(string); is {
		return intstr.FromString(name)
	}
	return port(value)
}
