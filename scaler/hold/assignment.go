package hold

import (
	"fmt"
	"slices"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/xds/resource"
)

// assignment is one version of the endpoints of a backend.
type assignment struct {
	resource resource.Resource
	// addresses are sorted, each once, in a form that is good for comparing only.
	addresses []string
}

// readAssignment reads what translate rendered.
func readAssignment(r resource.Resource) (assignment, error) {
	message := &endpointv3.ClusterLoadAssignment{}
	if err := proto.Unmarshal(r.Body, message); err != nil {
		return assignment{}, fmt.Errorf("endpoints %s: %w", r.Name, err)
	}
	read := assignment{resource: r}
	for _, group := range message.GetEndpoints() {
		for _, endpoint := range group.GetLbEndpoints() {
			at := endpoint.GetEndpoint().GetAddress().GetSocketAddress()
			read.addresses = append(read.addresses, fmt.Sprintf("%s:%d", at.GetAddress(), at.GetPortValue()))
		}
	}
	slices.Sort(read.addresses)
	read.addresses = slices.Compact(read.addresses)
	return read, nil
}

// empty reports whether there is nothing to send a request to.
func (a *assignment) empty() bool { return len(a.addresses) == 0 }

// meets reports whether the two have an address in common.
func (a *assignment) meets(b *assignment) bool {
	for i, j := 0, 0; i < len(a.addresses) && j < len(b.addresses); {
		switch {
		case a.addresses[i] == b.addresses[j]:
			return true
		case a.addresses[i] < b.addresses[j]:
			i++
		default:
			j++
		}
	}
	return false
}
