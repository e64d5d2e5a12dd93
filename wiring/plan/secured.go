package plan

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// secured refuses a reference whose TLS another object decides by the name of the Service: with the
// name of the wired Service the consumer would stop speaking TLS. A user who adds that name to the object ends
// the refusal.
func (m *maker) secured(u *use) reason {
	var original, wired, remedy string
	switch {
	case u.wired.ofPool:
	case u.kind == v1alpha1.AutowireHTTPRoute:
		original, wired = m.policyOf(u.wired.original), m.policyOf(u.wired.name)
		remedy = "add Service " + u.wired.name + " to its targetRefs"
	case u.kind == v1alpha1.AutowireVirtualService:
		original, wired = m.ruleOf(u, u.wired.original), m.ruleOf(u, u.wired.name)
		remedy = "make one for the host of Service " + u.wired.name + " as well"
	}
	if original != "" && wired == "" && !u.byHand {
		return because(ReasonTLS, "%s speaks TLS to %s because of %s; %s.", u.text, u.wired.text(m.Namespace), original, remedy)
	}
	u.ref.TLS = u.ref.TLS || wired != ""
	return reason{}
}

// policyOf finds the BackendTLSPolicy of a Service.
func (m *maker) policyOf(service string) string {
	for _, policy := range m.TLSPolicies {
		for _, target := range policy.Spec.TargetRefs {
			if target.Group == "" && target.Kind == kindService && string(target.Name) == service {
				return "BackendTLSPolicy " + keyText(policy)
			}
		}
	}
	return ""
}

// istioRoot is the namespace of Istio's configuration for the whole mesh, unless it was installed otherwise.
const istioRoot = "istio-system"

// ruleOf finds the DestinationRule that sets TLS from the consumers of a VirtualService to a Service. Istio
// looks for it in the namespaces of the consumer and of the Service, and in its root namespace: a rule of
// another tenant means nothing.
func (m *maker) ruleOf(u *use, service string) string {
	from := append(consumersOf(u.object), m.Namespace, istioRoot)
	for _, rule := range m.DestinationRules {
		if slices.Contains(from, rule.GetNamespace()) && m.ruled(rule, service) && speaksTLS(rule) {
			return "DestinationRule " + keyText(rule)
		}
	}
	return ""
}

// consumersOf are the namespaces of a VirtualService and of its gateways.
func consumersOf(service *unstructured.Unstructured) []string {
	namespaces := []string{service.GetNamespace()}
	gateways, _, _ := unstructured.NestedStringSlice(service.Object, "spec", "gateways")
	for _, gateway := range gateways {
		if namespace, _, other := strings.Cut(gateway, "/"); other {
			namespaces = append(namespaces, namespace)
		}
	}
	return namespaces
}

// RuledNamespaces are the namespaces of the Services that a DestinationRule has a host of. The empty one
// stands for every namespace.
func RuledNamespaces(rule *unstructured.Unstructured) []string {
	host := hostOf(rule)
	if strings.HasPrefix(host, "*") {
		return []string{""}
	}
	if _, namespace := serviceOf(host, rule.GetNamespace()); namespace != "" {
		return []string{namespace}
	}
	return nil
}

// ruled reports whether a DestinationRule has the host of a Service of the namespace.
func (m *maker) ruled(rule *unstructured.Unstructured, service string) bool {
	host := hostOf(rule)
	suffix, wildcard := strings.CutPrefix(host, "*")
	if !wildcard {
		name, namespace := serviceOf(host, rule.GetNamespace())
		return name == service && namespace == m.Namespace
	}
	_, domain, named := strings.Cut(host, ".svc.")
	if !named {
		domain = "cluster.local"
	}
	return strings.HasSuffix(service+"."+m.Namespace+".svc."+domain, suffix)
}

func hostOf(rule *unstructured.Unstructured) string {
	host, _, _ := unstructured.NestedString(rule.Object, "spec", "host")
	return host
}

// serviceOf returns the Service that a host of Istio names: a short name is one of the object's namespace.
// No namespace: it names none.
func serviceOf(host, own string) (name, namespace string) {
	labels := strings.Split(host, ".")
	switch {
	case len(labels) == 1:
		return host, own
	case len(labels) == 2 || labels[2] == "svc":
		return labels[0], labels[1]
	}
	return "", ""
}

// speaksTLS reports whether a traffic policy, of the host or of a port of it, sets TLS.
func speaksTLS(rule *unstructured.Unstructured) bool {
	policies := mapsAt(rule.Object, "spec", "trafficPolicy", "portLevelSettings")
	if policy, _, _ := unstructured.NestedMap(rule.Object, "spec", "trafficPolicy"); policy != nil {
		policies = append(policies, policy)
	}
	return slices.ContainsFunc(policies, func(policy map[string]any) bool {
		mode, _, _ := unstructured.NestedString(policy, "tls", "mode")
		return mode != "" && mode != "DISABLE"
	})
}
