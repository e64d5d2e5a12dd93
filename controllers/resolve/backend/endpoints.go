package backend

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Endpoints returns the addresses that may take requests of a backend now, sorted and each once: those
// that are ready and not terminating, or where a Service has none of them, those that terminate and
// still serve, as kube-proxy does. A backend that does not exist has none, and neither has a hold
// cluster: its endpoints come from scaler/hold.
func Endpoints(v store.View, key ir.ClusterKey) ir.Endpoints {
	key = key.Endpoints()
	endpoints := ir.Endpoints{Key: key}
	object := types.NamespacedName{Namespace: key.Namespace, Name: key.Name}
	switch {
	case key.Hold: // scaler/hold says when it is to be asked
	case key.Kind == ir.BackendPool:
		endpoints.Addresses = poolAddresses(v, object)
	default:
		endpoints.Addresses = serviceAddressesOf(v, object, key)
	}
	slices.SortFunc(endpoints.Addresses, ir.Endpoint.Compare)
	endpoints.Addresses = slices.Compact(endpoints.Addresses)
	if len(endpoints.Addresses) > 0 {
		endpoints.ClusterIP = clusterIP(v, object, key, endpoints.Addresses[0].Address)
	}
	return endpoints
}

// serviceAddressesOf reads the EndpointSlices of a Service, of every controller. A pod of a
// dual-stack Service stands in two slices: the first family of the Service that has usable
// addresses is taken, so that each pod counts once.
func serviceAddressesOf(v store.View, object types.NamespacedName, key ir.ClusterKey) []ir.Endpoint {
	service := v.Service(object)
	// An ExternalName Service leads out of the cluster: nothing of it is used, slices neither.
	if service == nil || service.Spec.Type == corev1.ServiceTypeExternalName {
		return nil
	}
	protocol := corev1.ProtocolTCP
	if key.Route == ir.RouteUDP {
		protocol = corev1.ProtocolUDP
	}
	port := ServicePort(service, key.Port, protocol)
	if port == nil {
		return nil
	}
	part := servicePart{name: port.Name, protocol: protocol, families: families(service), slices: v.EndpointSlicesOf(object)}
	if addresses := part.addresses(usable); len(addresses) > 0 || !lastResort(v, key, port.Name) {
		return addresses
	}
	return part.addresses(leaving)
}

// lastResort reports whether Pods that terminate may take requests when there are no others. Not those
// of a trigger: its requests wait for the Pod that comes next. Not pickers: what is on its way to one
// that ends is lost.
func lastResort(v store.View, key ir.ClusterKey, portName string) bool {
	return key.Kind == ir.BackendService && OldestScaler(v, key, portName) == nil
}

// servicePart is a port of a Service in its slices.
type servicePart struct {
	name     string
	protocol corev1.Protocol
	families []discoveryv1.AddressType
	slices   []*discoveryv1.EndpointSlice
}

// addresses returns those of the first family that has some under a condition.
func (p servicePart) addresses(take func(discoveryv1.EndpointConditions) bool) (addresses []ir.Endpoint) {
	for _, of := range p.endpoints(take) {
		for _, address := range of.Addresses {
			addresses = append(addresses, ir.Endpoint{Address: address, Port: of.port})
		}
	}
	return addresses
}

// sliceEndpoint is an endpoint of a slice, with the number that the port has there.
type sliceEndpoint struct {
	*discoveryv1.Endpoint
	port uint32
}

// endpoints returns those of the first family that has some under a condition.
func (p servicePart) endpoints(take func(discoveryv1.EndpointConditions) bool) []sliceEndpoint {
	for _, family := range p.families {
		var found []sliceEndpoint
		for _, slice := range p.slices {
			if slice.AddressType == family {
				found = append(found, p.sliceEndpoints(slice, take)...)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// families returns both address types, the preferred one of the Service first.
func families(service *corev1.Service) []discoveryv1.AddressType {
	if len(service.Spec.IPFamilies) > 0 && service.Spec.IPFamilies[0] == corev1.IPv6Protocol {
		return []discoveryv1.AddressType{discoveryv1.AddressTypeIPv6, discoveryv1.AddressTypeIPv4}
	}
	return []discoveryv1.AddressType{discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6}
}

// sliceEndpoints returns endpoints of a slice with the port that has the name of the Service port: the
// slice, not the Service, knows the number, which may differ from pod to pod (named target ports) and
// so from slice to slice.
func (p servicePart) sliceEndpoints(
	slice *discoveryv1.EndpointSlice, take func(discoveryv1.EndpointConditions) bool,
) (endpoints []sliceEndpoint) {
	number := slicePort(slice, p.name, p.protocol)
	if number == 0 {
		return nil
	}
	for i := range slice.Endpoints {
		if endpoint := &slice.Endpoints[i]; take(endpoint.Conditions) && len(endpoint.Addresses) > 0 {
			endpoints = append(endpoints, sliceEndpoint{endpoint, number})
		}
	}
	return endpoints
}

// usable reports whether an endpoint takes requests. Unknown readiness counts as ready
// (EndpointConditions); terminating endpoints are left out even when the Service publishes
// addresses that are not ready.
func usable(conditions discoveryv1.EndpointConditions) bool {
	ready := conditions.Ready == nil || *conditions.Ready
	terminating := conditions.Terminating != nil && *conditions.Terminating
	return ready && !terminating
}

// leaving reports whether an endpoint terminates and still serves (KEP-1669). Unknown is neither.
func leaving(conditions discoveryv1.EndpointConditions) bool {
	is := func(condition *bool) bool { return condition != nil && *condition }
	return is(conditions.Terminating) && is(conditions.Serving)
}

func slicePort(slice *discoveryv1.EndpointSlice, name string, protocol corev1.Protocol) uint32 {
	for _, port := range slice.Ports {
		actual := corev1.ProtocolTCP
		if port.Protocol != nil && *port.Protocol != "" {
			actual = *port.Protocol
		}
		sameName := port.Name == nil && name == "" || port.Name != nil && *port.Name == name
		if sameName && actual == protocol && port.Port != nil {
			return uint32(*port.Port)
		}
	}
	return 0
}

// poolAddresses returns every usable Pod of a pool on each of its target ports.
func poolAddresses(v store.View, key types.NamespacedName) (addresses []ir.Endpoint) {
	pool := v.InferencePool(key)
	if pool == nil {
		return nil
	}
	for _, pod := range v.PodsMatching(key.Namespace, store.Plain(pool.Spec.Selector.MatchLabels)) {
		if pod.Status.PodIP == "" || !ready(pod) {
			continue
		}
		for _, port := range pool.Spec.TargetPorts {
			addresses = append(addresses, ir.Endpoint{Address: pod.Status.PodIP, Port: uint32(port.Number)})
		}
	}
	return addresses
}

// ready reports whether a Pod takes requests.
func ready(pod *corev1.Pod) bool { return pod.DeletionTimestamp.IsZero() && store.PodReady(pod) }
