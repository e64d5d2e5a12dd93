package foreign

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
)

const (
	serviceKind = "Service"
	poolKind    = "InferencePool"
)

// readGatewayRoute reads an HTTPRoute or a GRPCRoute. What a filter refers to, such as the target
// of a mirror, gets copies of requests and no requests.
func readGatewayRoute(object *unstructured.Unstructured) []reading {
	hosts, match := lower(textsAt(object.Object, "spec", "hostnames")...), httpPath
	if object.GetKind() == GRPCRoute.Kind {
		match = grpcPath
	}
	var all []reading
	for _, rule := range itemsAt("", object.Object, "spec", "rules") {
		ruleHosts, rulePaths := rewrittenHost(rule, hosts), rewrittenPaths(rule, matchedPaths(rule, "matches", match))
		for _, ref := range itemsAt(rule.pointer, rule.content, "backendRefs") {
			if found, ok := readBackendRef(object.GetNamespace(), ref); ok {
				found.Hosts, found.Paths = rewrittenHost(ref, ruleHosts), rewrittenPaths(ref, rulePaths)
				all = append(all, found)
			}
		}
	}
	return all
}

// rewrittenHost returns the hosts after the filters of a rule or of a backendRef.
func rewrittenHost(holder item, hosts []string) []string {
	for _, filter := range itemsAt(holder.pointer, holder.content, "filters") {
		if host := textAt(filter.content, "urlRewrite", "hostname"); host != "" && textAt(filter.content, "type") == "URLRewrite" {
			return lower(host)
		}
		for _, header := range itemsAt(filter.pointer, filter.content, "requestHeaderModifier", "set") {
			if host := textAt(header.content, "value"); len(hosts) > 0 && strings.EqualFold(textAt(header.content, "name"), "host") {
				hosts = lower(append(slices.Clone(hosts), host)...) // not every controller lets a filter do that
			}
		}
	}
	return hosts
}

func readBackendRef(namespace string, ref item) (reading, bool) {
	found := reading{element: ref.content, name: []string{"name"}}
	found.Pointer, found.Port = ref.pointer, port(ref.content["port"])
	if other := textAt(ref.content, "namespace"); other != "" {
		namespace = other
	}
	found.Target.Key = types.NamespacedName{Namespace: namespace, Name: textAt(ref.content, "name")}
	group, kind := textAt(ref.content, "group"), textAt(ref.content, "kind")
	switch {
	case found.Target.Key.Name == "":
		return reading{}, false
	case group == "" && slices.Contains([]string{"", serviceKind}, kind):
		return found, true
	case group == inferencev1.GroupName && kind == poolKind:
		found.Target.Pool = true
		if _, has := ref.content["port"]; has && found.Port == (intstr.IntOrString{}) {
			found.Refused = "The port is not a number from 1 to 65535."
		}
		return found, true
	}
	return reading{}, false
}
