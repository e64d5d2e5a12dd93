package plan

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// secured refuses a reference whose TLS another object decides by the name of the Service: with the
// name of the wired Service the consumer would stop speaking TLS. Whoever adds that name ends it.
func (m *maker) secured(u *use) reason {
	var original, wired, remedy string
	switch {
	case u.wired.ofPool:
	case u.kind == v1alpha1.AutowireHTTPRoute:
		original, wired = m.policyOf(u.wired.original), m.policyOf(u.wired.name)
		remedy = "add Service " + u.wired.name + " to its targetRefs"
	case u.kind == v1alpha1.AutowireVirtualService:
		original, wired = m.ruleOf(u.wired.original), m.ruleOf(u.wired.name)
		remedy = "make one for the host of Service " + u.wired.name + " as well"
	}
	if original != "" && wired == "" && !u.leads {
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

// ruleOf finds the DestinationRule that sets TLS to a Service.
func (m *maker) ruleOf(service string) string {
	for _, rule := range m.DestinationRules {
		host, _, _ := unstructured.NestedString(rule.Object, "spec", "host")
		if m.hostIs(host, rule.GetNamespace(), service) && speaksTLS(rule) {
			return "DestinationRule " + keyText(rule)
		}
	}
	return ""
}

// hostIs reports whether a host of Istio is a Service of the namespace: a short name is one of the
// object's namespace.
func (m *maker) hostIs(host, namespace, name string) bool {
	labels := strings.Split(host, ".")
	if len(labels) > 1 {
		namespace = labels[1]
	}
	return labels[0] == name && namespace == m.Namespace && (len(labels) < 3 || labels[2] == "svc")
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
