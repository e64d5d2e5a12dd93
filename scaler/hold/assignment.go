package hold

import (
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// assignment is one version of the endpoints of a backend.
type assignment struct {
	resource resource.Resource
	// addresses are those of the backend, sorted, each once. The placeholder is none of them.
	addresses []ir.Endpoint
}

func newAssignment(r *resource.Resource) *assignment {
	return &assignment{resource: *r, addresses: r.Endpoints.Addresses}
}

// empty reports whether there is nothing to send a request to.
func (a *assignment) empty() bool { return len(a.addresses) == 0 }

// pool reports whether a picker chooses among the endpoints.
func (a *assignment) pool() bool { return a.resource.Endpoints.Key.Kind == ir.BackendPool }

// meets reports whether the two have an address in common.
func (a *assignment) meets(b *assignment) bool {
	for i, j := 0, 0; i < len(a.addresses) && j < len(b.addresses); {
		switch order := a.addresses[i].Compare(b.addresses[j]); {
		case order == 0:
			return true
		case order < 0:
			i++
		default:
			j++
		}
	}
	return false
}

// texts are the addresses as "address:port".
func (a *assignment) texts() (texts []string) {
	for _, address := range a.addresses {
		texts = append(texts, address.String())
	}
	return texts
}
