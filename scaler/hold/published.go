package hold

import (
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
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

// published are the endpoints of a backend that were handed to the publisher.
type published struct {
	// latest is the present version; nil: none.
	latest *assignment
	// versions are all that a proxy may have, the latest included, oldest first.
	versions []assignment
}

// add notes a version that is handed to the publisher.
func (p *published) add(latest *assignment) {
	p.latest = latest
	p.versions = append(p.versions, *latest)
}

// endpoints reports whether the latest version has endpoints. The placeholder is none.
func (p *published) endpoints() bool { return p.latest != nil && !p.latest.empty() }

// readyProxies returns which connected proxies are known to have an endpoint in use, and whether
// there is a proxy and all of them are.
func (p *published) readyProxies(accepted map[string]publish.ACKState, inUse *assignment) (ready map[string]bool, all bool) {
	ready, all = make(map[string]bool, len(accepted)), len(accepted) > 0
	for node, has := range accepted {
		ready[node] = p.ready(has, inUse)
		all = all && ready[node]
	}
	return ready, all
}

// ready reports whether every version that the proxy may have by now contains
// an endpoint in use.
func (p *published) ready(has publish.ACKState, inUse *assignment) bool {
	if inUse == nil || inUse.empty() || !p.meets(has.Accepted, inUse) {
		return false
	}
	for _, pending := range has.Pending {
		if !p.meets(pending, inUse) {
			return false
		}
	}
	return true
}

// meets reports whether a version has an endpoint in use. A version that is not known has none.
func (p *published) meets(version string, inUse *assignment) bool {
	for i := range p.versions {
		if p.versions[i].resource.Version == version {
			return p.versions[i].meets(inUse)
		}
	}
	return false
}

// trim forgets the versions that no proxy has or will get.
func (p *published) trim(accepted map[string]publish.ACKState) {
	if len(p.versions) < 2 {
		return
	}
	alive := map[string]bool{p.latest.resource.Version: true}
	for _, has := range accepted {
		alive[has.Accepted] = true
		for _, pending := range has.Pending {
			alive[pending] = true
		}
	}
	kept := p.versions[:0]
	for i := range p.versions {
		version := p.versions[i].resource.Version
		if alive[version] {
			kept = append(kept, p.versions[i])
			alive[version] = false // once
		}
	}
	clear(p.versions[len(kept):])
	p.versions = kept
}

// holdCluster is the hold cluster of a backend: the replicas that proxies ask.
type holdCluster struct {
	wanted *resource.Resource // of the engine; nil: none
	armed  bool               // proxies ask before they route
	// version that was handed to the publisher, "": none; of is what it was made of.
	version string
	of      rendering
}

// rendering is what the endpoints of a hold cluster are made of.
type rendering struct {
	wanted *resource.Resource
	moves  int // of the gateway; zero: not armed
}

// acceptedBy reports whether every connected proxy accepted the hold cluster as it is, and
// no other version is on the way to it. A proxy without a stream is not waited for: when it is
// back it gets the hold cluster before it loses the endpoints.
func (h *holdCluster) acceptedBy(proxies map[string]publish.ACKState) bool {
	for _, has := range proxies {
		if has.Accepted != h.version {
			return false
		}
		for _, pending := range has.Pending {
			if pending != h.version {
				return false
			}
		}
	}
	return true
}
