package backend

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// clusterIP returns the address of a Service itself, by which the proxy finds its Pods when no
// control plane names them; zero: there is none, or it would lead somewhere else. family is an
// address of the Pods: the proxy can reach that family.
func clusterIP(v store.View, object types.NamespacedName, key ir.ClusterKey, family string) ir.Endpoint {
	service := v.Service(object)
	switch {
	case key.Kind != ir.BackendService || key.Route == ir.RouteUDP || service == nil:
		return ir.Endpoint{}
	case service.Spec.InternalTrafficPolicy != nil && *service.Spec.InternalTrafficPolicy == corev1.ServiceInternalTrafficPolicyLocal:
		// It leads to Pods of the proxy's node alone, and swallows connections where there is none.
		return ir.Endpoint{}
	case leadsToProxies(v, service, object):
		return ir.Endpoint{}
	}
	wanted, err := netip.ParseAddr(family)
	if err != nil {
		return ir.Endpoint{}
	}
	for _, text := range append([]string{service.Spec.ClusterIP}, service.Spec.ClusterIPs...) {
		if address, err := netip.ParseAddr(text); err == nil && address.Is4() == wanted.Is4() { // not "None"
			return ir.Endpoint{Address: text, Port: key.Port}
		}
	}
	return ir.Endpoint{}
}

// leadsToProxies reports whether the endpoints of a Service are proxies of the product: the Service
// of a Gateway, a wired Service, or the "service" of a trigger, whose fallbackService leads to the
// application.
func leadsToProxies(v store.View, service *corev1.Service, object types.NamespacedName) bool {
	if v1alpha1.Managed(service) || service.Spec.Selector[v1alpha1.ManagedByLabel] == v1alpha1.ManagedBy {
		return true
	}
	for _, slice := range v.EndpointSlicesOf(object) {
		if slice.Labels[discoveryv1.LabelManagedBy] == v1alpha1.ManagedBy {
			return true
		}
	}
	return false
}
