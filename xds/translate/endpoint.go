package translate

import (
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Endpoints renders the addresses of a backend (EDS). No address is a valid answer: the
// proxy has to learn it, and an unanswered name holds a starting listener back for 15 s.
//
// The ClusterIP is priority 1: the proxy uses it when the addresses before it take no connection,
// because their Pods were replaced while no control plane told the proxy. A backend without an
// address has none: whether its requests wait is not for Kubernetes to decide.
func Endpoints(e ir.Endpoints) (resource.Resource, error) {
	if len(e.Addresses) == 0 || e.ClusterIP == (ir.Endpoint{}) {
		return PrioritizedEndpoints(e.Key, e.Addresses)
	}
	made, err := PrioritizedEndpoints(e.Key, e.Addresses, []ir.Endpoint{e.ClusterIP})
	made.Endpoints.Addresses, made.Endpoints.ClusterIP = inOrder(e.Addresses), e.ClusterIP
	return made, err
}

// PrioritizedEndpoints renders addresses of a backend by priority: the proxy uses those of a
// priority when the ones before are unhealthy. Priorities without an address are left out, because
// Envoy wants no gaps (endpoint.proto).
func PrioritizedEndpoints(key ir.ClusterKey, priorities ...[]ir.Endpoint) (resource.Resource, error) {
	message := &endpointv3.ClusterLoadAssignment{ClusterName: EndpointsName(key)}
	facts := &ir.Endpoints{Key: key.Endpoints()}
	for _, addresses := range priorities {
		addresses = inOrder(addresses)
		if len(addresses) == 0 {
			continue
		}
		// One locality: Envoy's zone aware routing is not used, and two localities without
		// weights would leave the second unused.
		locality := &endpointv3.LocalityLbEndpoints{Priority: uint32(len(message.Endpoints))}
		for _, address := range addresses {
			locality.LbEndpoints = append(locality.LbEndpoints, &endpointv3.LbEndpoint{
				HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{
					Address: socketAddress(address.Address, address.Port),
				}},
			})
		}
		message.Endpoints = append(message.Endpoints, locality)
		facts.Addresses = append(facts.Addresses, addresses...)
	}
	facts.Addresses = inOrder(facts.Addresses)
	made, err := resource.New(resource.Endpoint, message.ClusterName, message, nil)
	made.Endpoints = facts
	return made, err
}

// inOrder is a copy in order, with each address once.
func inOrder(addresses []ir.Endpoint) []ir.Endpoint {
	addresses = slices.Clone(addresses)
	slices.SortFunc(addresses, ir.Endpoint.Compare)
	return slices.Compact(addresses)
}

func socketAddress(address string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address:       address,
		PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}
