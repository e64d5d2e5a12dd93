package translate

import (
	"cmp"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Endpoints renders the addresses of a backend (EDS). No address is a valid answer: the
// proxy has to learn it, and an unanswered name holds a starting listener back for 15 s.
func Endpoints(e ir.Endpoints) (resource.Resource, error) {
	name := EndpointsName(e.Key)
	message := &endpointv3.ClusterLoadAssignment{ClusterName: name}
	addresses := slices.Clone(e.Addresses)
	slices.SortFunc(addresses, func(a, b ir.Endpoint) int {
		return cmp.Or(cmp.Compare(a.Address, b.Address), cmp.Compare(a.Port, b.Port))
	})
	addresses = slices.Compact(addresses)
	if len(addresses) > 0 {
		// One locality: Envoy's zone aware routing is not used, and two localities without
		// weights would leave the second unused.
		locality := &endpointv3.LocalityLbEndpoints{}
		for _, address := range addresses {
			locality.LbEndpoints = append(locality.LbEndpoints, &endpointv3.LbEndpoint{
				HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{
					Address: socketAddress(address.Address, address.Port),
				}},
			})
		}
		message.Endpoints = []*endpointv3.LocalityLbEndpoints{locality}
	}
	return resource.New(resource.Endpoint, name, message, nil)
}

func socketAddress(address string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address:       address,
		PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}
