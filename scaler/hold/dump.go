package hold

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/debug"
)

// Gateways returns the keys of all gateways, sorted.
func (g *Gate) Gateways() []types.NamespacedName {
	var keys []types.NamespacedName
	for _, each := range g.all() {
		keys = append(keys, each.key)
	}
	return keys
}

// Dump describes a gateway.
func (g *Gate) Dump(key types.NamespacedName) debug.Hold {
	found := g.existing(key)
	if found == nil {
		return debug.Hold{Gateway: debug.Key(key)}
	}
	found.mu.Lock()
	defer found.mu.Unlock()
	d := debug.Hold{Gateway: debug.Key(key), Ready: found.ready, Memory: found.memory.Load()}
	found.each(func(b *backend) { d.Backends = append(d.Backends, b.dump()) })
	slices.SortFunc(d.Backends, func(a, b debug.HoldBackend) int { return strings.Compare(a.Name, b.Name) })
	return d
}

func (b *backend) dump() debug.HoldBackend {
	d := debug.HoldBackend{Name: b.name, State: b.state.name(), Armed: b.hold.armed}
	for _, key := range b.gateway.demands.byEndpoints[b.name] {
		d.Demands = append(d.Demands, debug.Key(key))
	}
	slices.SortFunc(d.Demands, func(a, b debug.Key) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	d.Demands = slices.Compact(d.Demands)
	if b.endpoints != nil {
		d.Endpoints = b.endpoints.texts()
	}
	if b.published.latest != nil && len(d.Endpoints) == 0 {
		d.Stale = b.published.latest.texts()
	}
	switch s := b.state.(type) {
	case lingering:
		d.StaleUntil = &s.until
	case awaitingConfirmation:
		d.StaleUntil = &s.deadline
	}
	b.requests.dump(&d)
	return d
}

// dump adds the requests.
func (r *requests) dump(d *debug.HoldBackend) {
	now := r.options.Clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	d.Held, d.Unconfirmed = r.held, r.unconfirmed
	for node := range r.admission.proxies {
		d.Proxies = append(d.Proxies, r.dumpProxy(node, now))
	}
	for node := range r.queues {
		if _, connected := r.admission.proxies[node]; !connected {
			d.Proxies = append(d.Proxies, r.dumpProxy(node, now))
		}
	}
	slices.SortFunc(d.Proxies, func(a, b debug.HoldProxy) int { return strings.Compare(a.Node, b.Node) })
}

// dumpProxy is called with mu held.
func (r *requests) dumpProxy(node string, now time.Time) debug.HoldProxy {
	d := debug.HoldProxy{Node: node, Ready: r.passes(node)}
	_, d.Connected = r.admission.proxies[node]
	if q := r.queues[node]; q != nil {
		d.Held = q.requests.Len()
		d.Oldest = now.Sub(q.head().since).Round(time.Millisecond).String()
	}
	return d
}
