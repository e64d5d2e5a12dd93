package hold

import (
	"slices"
	"strings"
	"sync"

	"github.com/kedify/inference-gateway/xds/ir"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/stage"
)

var _ stage.Stage = (*Gate)(nil)

// Gate stands between the engine and the publisher. It is safe for concurrent use.
type Gate struct {
	options Options
	counts  *heldCounts

	mu        sync.RWMutex
	gateways  map[types.NamespacedName]*gatewayHolds
	addresses Addresses
}

// NewGate returns a gate without gateways. It observes the catalog, so it must be made before the
// first Set.
func NewGate(options Options) *Gate {
	options.defaults()
	g := &Gate{options: options, gateways: map[types.NamespacedName]*gatewayHolds{}}
	g.counts = newHeldCounts(&g.options)
	options.Catalog.Observe(g.triggered)
	return g
}

// gateway returns the gateway of a key and makes it when there is none.
func (g *Gate) gateway(key types.NamespacedName) *gatewayHolds {
	g.mu.RLock()
	found := g.gateways[key]
	g.mu.RUnlock()
	if found != nil {
		return found
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if found = g.gateways[key]; found == nil {
		found = newGatewayHolds(g, key)
		g.gateways[key] = found
	}
	return found
}

func (g *Gate) existing(key types.NamespacedName) *gatewayHolds {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.gateways[key]
}

// Apply publishes a change, with the endpoints of held backends as their states allow.
func (g *Gate) Apply(key ir.Key, change resource.Change) {
	g.gateway(types.NamespacedName(key)).apply(change)
}

// Ready says that the first complete state of a gateway was applied. Until then no change is
// delayed, and every request is held.
func (g *Gate) Ready(key ir.Key) { g.gateway(types.NamespacedName(key)).becomeReady() }

// Forget says that a gateway was deleted. Its held requests are sent to another replica.
func (g *Gate) Forget(key ir.Key) {
	g.mu.Lock()
	gone := g.gateways[types.NamespacedName(key)]
	delete(g.gateways, types.NamespacedName(key))
	g.mu.Unlock()
	if gone != nil {
		gone.end()
	}
	g.options.Publisher.Forget(key)
}

// Accepted is called when a proxy accepted something: publish.Options.OnAccepted.
func (g *Gate) Accepted(change publish.Acceptance) {
	if found := g.existing(types.NamespacedName(change.Gateway)); found != nil {
		found.accepted(change)
	}
}

// SetAddresses sets the replicas that proxies ask. It is cheap when nothing changed.
func (g *Gate) SetAddresses(addresses Addresses) {
	addresses = addresses.sorted()
	g.mu.Lock()
	if g.addresses.same(addresses) {
		g.mu.Unlock()
		return
	}
	g.addresses = addresses
	g.mu.Unlock()
	g.options.Log.V(1).Info("Changed the replicas that proxies ask", "own", addresses.Own, "others", addresses.Others)
	for _, each := range g.all() {
		each.move(addresses)
	}
}

// triggered is called when a trigger changed: other gateways may count for it, and a maintenance page keeps a
// backend armed.
func (g *Gate) triggered(key types.NamespacedName, _ *scaler.Scaler) {
	g.counts.triggered(key)
	for _, each := range g.all() {
		each.triggered(key)
	}
}

// all returns the gateways, sorted.
func (g *Gate) all() []*gatewayHolds {
	g.mu.RLock()
	defer g.mu.RUnlock()
	found := make([]*gatewayHolds, 0, len(g.gateways))
	for _, each := range g.gateways {
		found = append(found, each)
	}
	slices.SortFunc(found, func(a, b *gatewayHolds) int { return strings.Compare(a.key.String(), b.key.String()) })
	return found
}
