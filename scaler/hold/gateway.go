package hold

import (
	"sync"
	"sync/atomic"

	"github.com/kedify/inference-gateway/xds/ir"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/hold/pickers"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// gatewayHolds is one gateway: the endpoints that the engine wants, and the backends of which
// requests are, were or may be held.
type gatewayHolds struct {
	gate *Gate
	key  types.NamespacedName

	// backends are found by calls without mu; it is changed with mu only.
	backends sync.Map // *backend by the name of its endpoints

	mu      sync.Mutex
	ready   bool // the engine applied the first complete state
	deleted bool
	// replicas are the endpoints of armed hold clusters, by priority; moves counts their changes.
	replicas [][]ir.Endpoint
	moves    int
	// holds are the names of the endpoints of hold clusters, with the backend of each.
	holds map[string]string
	// wanted are the endpoints of everything that is not a hold cluster.
	wanted  map[string]resource.Resource
	demands demands
	pickers pickers.Facts
	// waking are the pools whose pickers may not know their endpoints yet.
	waking map[*backend]struct{}
	// asked counts the backends that are there because a proxy asked about them.
	asked int

	// memory of each proxy, in bytes; zero: it is not known.
	memory atomic.Uint64
}

// maxUnknownBackends is how many backends that the engine does not know are remembered for one gateway: as many
// as DefaultMaxTotal requests to different ones, while the replica starts.
const maxUnknownBackends = DefaultMaxTotal

func newGatewayHolds(gate *Gate, key types.NamespacedName) *gatewayHolds {
	return &gatewayHolds{
		gate:     gate,
		key:      key,
		replicas: gate.addresses.priorities(),
		moves:    1,
		holds:    map[string]string{},
		wanted:   map[string]resource.Resource{},
		demands:  newDemands(),
		pickers:  pickers.NewFacts(),
		waking:   map[*backend]struct{}{},
	}
}

// backend returns the backend of a name; nil when there is none.
func (g *gatewayHolds) backend(name string) *backend {
	if found, ok := g.backends.Load(name); ok {
		return found.(*backend)
	}
	return nil
}

// ensureBackend returns the backend of a name and makes it when there is none. mu is held.
func (g *gatewayHolds) ensureBackend(name string) *backend {
	b := g.backend(name)
	if b == nil {
		b = newBackend(g, name)
		if wanted, ok := g.wanted[name]; ok {
			b.setEndpoints(&wanted)
		}
		g.backends.Store(name, b)
	}
	return b
}

// each visits all backends. mu is held.
func (g *gatewayHolds) each(visit func(*backend)) {
	g.backends.Range(func(_, b any) bool {
		visit(b.(*backend))
		return true
	})
}

// apply hands a change to the publisher in one piece, with the endpoints of held backends as
// their states allow.
func (g *gatewayHolds) apply(change resource.Change) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var touched []*backend
	published := resource.Change{Remove: change.Remove}
	for _, key := range change.Remove {
		g.pickers.Remove(key)
		if b := g.unsetWanted(key); b != nil {
			touched = append(touched, b)
		}
	}
	for _, r := range change.Upsert { // hold clusters before the endpoints that they are about
		if isHold(&r) {
			name := translate.EndpointsName(r.Endpoints.Key.HoldBackend())
			g.holds[r.Name] = name
			g.ensureBackend(name).setHold(&r)
		}
	}
	for i, r := range change.Upsert {
		g.pickers.Set(&change.Upsert[i])
		if b := g.setWanted(r); b != nil {
			touched = append(touched, b)
		} else {
			published.Upsert = append(published.Upsert, r)
		}
	}
	for b := range g.waking { // their pickers may be others now
		touched = append(touched, b)
	}
	for _, b := range touched {
		published.Upsert = append(published.Upsert, b.advance()...)
	}
	for _, b := range touched {
		if admits(b.state) == turnAway {
			b.admit() // a proxy that loses the hold cluster drops the calls that carry the answers
		}
	}
	g.gate.options.Publisher.Apply(ir.Key(g.key), published)
	for _, b := range touched {
		b.admit()
	}
}

// isHold reports whether a resource is the endpoints of a hold cluster.
func isHold(r *resource.Resource) bool {
	return r.Type == resource.Endpoint && r.Endpoints.Key.Hold
}

// setWanted notes a resource that the engine wants. It returns the backend that decides what is
// published of it; nil: the resource is published as it is.
func (g *gatewayHolds) setWanted(r resource.Resource) *backend {
	switch r.Type {
	case resource.Cluster:
		g.demands.set(&r)
		return nil
	case resource.Endpoint:
	default:
		return nil
	}
	if isHold(&r) {
		return g.backend(g.holds[r.Name])
	}
	g.wanted[r.Name] = r
	b := g.backend(r.Name)
	if b == nil {
		return nil
	}
	b.setEndpoints(&r)
	return b
}

// unsetWanted notes that the engine removed a resource, and returns its backend; nil: none.
func (g *gatewayHolds) unsetWanted(key resource.Key) *backend {
	switch key.Type {
	case resource.Cluster:
		g.demands.remove(key.Name)
		return nil
	case resource.Endpoint:
	default:
		return nil
	}
	if name, ok := g.holds[key.Name]; ok {
		delete(g.holds, key.Name)
		b := g.backend(name)
		if b != nil {
			b.setHold(nil)
		}
		return b
	}
	delete(g.wanted, key.Name)
	b := g.backend(key.Name)
	if b != nil {
		b.setEndpoints(nil)
	}
	return b
}

// becomeReady ends state starting of all backends.
func (g *gatewayHolds) becomeReady() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gate.options.Publisher.Ready(ir.Key(g.key))
	if g.ready {
		return
	}
	g.ready = true
	g.each((*backend).step)
}

// end sends every held request to another replica.
func (g *gatewayHolds) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.deleted = true
	g.each(func(b *backend) { b.end() })
}

// accepted steps the backends that a proxy accepted something of.
func (g *gatewayHolds) accepted(change publish.Acceptance) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if change.Key == (resource.Key{}) {
		g.each((*backend).step)
		return
	}
	name := change.Key.Name
	if backend, ok := g.holds[name]; ok {
		name = backend
	}
	if b := g.backend(name); b != nil {
		b.step()
	}
}

// move publishes other replicas that proxies ask, in one change.
func (g *gatewayHolds) move(addresses Addresses) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.deleted {
		return
	}
	g.replicas = addresses.priorities()
	g.moves++
	change := resource.Change{}
	g.each(func(b *backend) { change.Upsert = append(change.Upsert, b.advance()...) })
	if !change.Empty() {
		g.gate.options.Publisher.Apply(ir.Key(g.key), change)
	}
	g.each((*backend).admit)
}

// triggered steps the backends of a demand key.
func (g *gatewayHolds) triggered(key types.NamespacedName) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for name := range g.demands.endpoints[key] {
		if b := g.backend(name); b != nil {
			b.step()
		}
	}
}

// knows notes that the engine knows a backend, or that it is forgotten. mu is held.
func (g *gatewayHolds) knows(b *backend) {
	if b.asked {
		b.asked = false
		g.asked--
	}
}

// askedFor returns the backend that a proxy asks about, and makes one for a name that is not
// known; nil: there are too many of those.
func (g *gatewayHolds) askedFor(name string) *backend {
	if b := g.backend(name); b != nil {
		return b
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.backend(name)
	if b == nil {
		if g.asked >= maxUnknownBackends {
			return nil
		}
		b = g.ensureBackend(name)
		if b.endpoints == nil {
			b.asked = true
			g.asked++
		}
		b.step()
	}
	return b
}
