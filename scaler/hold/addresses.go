package hold

import (
	"net"
	"slices"
	"strconv"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"github.com/kedify/inference-gateway/xds/resource"
)

// Suffix makes the name of the endpoints of a hold cluster out of the name of the endpoints
// that it is about.
const Suffix = "/hold"

// Addresses are where proxies ask, "host:port" each.
type Addresses struct {
	// Own is this replica, which sees the ACKs of the proxies that it serves: priority 0.
	Own string
	// Others take over when it is gone: priority 1.
	Others []string
}

// same reports whether the proxies would be told the same.
func (a Addresses) same(b Addresses) bool {
	return a.Own == b.Own && slices.Equal(a.Others, b.Others)
}

// sorted is a copy with others in an order that depends on nothing, each once, without Own.
func (a Addresses) sorted() Addresses {
	others := slices.Clone(a.Others)
	slices.Sort(others)
	others = slices.DeleteFunc(slices.Compact(others), func(other string) bool { return other == a.Own || other == "" })
	return Addresses{Own: a.Own, Others: others}
}

// groups renders the addresses by priority. Priorities have no gaps (endpoint.proto).
func (a Addresses) groups() []*endpointv3.LocalityLbEndpoints {
	var groups []*endpointv3.LocalityLbEndpoints
	add := func(addresses []string) {
		group := &endpointv3.LocalityLbEndpoints{Priority: uint32(len(groups))}
		for _, address := range addresses {
			if e := lbEndpoint(address); e != nil {
				group.LbEndpoints = append(group.LbEndpoints, e)
			}
		}
		if len(group.LbEndpoints) > 0 {
			groups = append(groups, group)
		}
	}
	add([]string{a.Own})
	add(a.Others)
	return groups
}

// lbEndpoint is nil for what is no address.
func lbEndpoint(address string) *endpointv3.LbEndpoint {
	host, text, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil
	}
	return &endpointv3.LbEndpoint{HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{
		Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(port)},
		}}},
	}}}
}

// Nowhere is the endpoint of a backend without endpoints: the port "discard" of the proxy's own
// loopback, where nobody listens. EDS is ACKed by the main thread of the proxy; a worker that was
// not scheduled for a moment may read that a request goes on before it hears of the endpoint that
// it goes to. With no endpoint that is a 503, with this one a connection that is refused at once
// and tried again a moment later.
const Nowhere = "127.0.0.1:9"

// renderPlaceholder renders the endpoints of a backend without endpoints.
func renderPlaceholder(wanted *resource.Resource) (resource.Resource, error) {
	return renderAddresses(wanted, Addresses{Own: Nowhere}.groups())
}

// askHere renders the endpoints of a hold cluster; without groups the proxies ask nobody.
func renderAddresses(wanted *resource.Resource, groups []*endpointv3.LocalityLbEndpoints) (resource.Resource, error) {
	return resource.New(wanted.Type, wanted.Name, &endpointv3.ClusterLoadAssignment{ClusterName: wanted.Name, Endpoints: groups}, nil, wanted.Sources...)
}
