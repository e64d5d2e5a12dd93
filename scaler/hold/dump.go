package hold

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Dump describes the held backends of a gateway, for debugging and tests.
type Dump struct {
	Gateway types.NamespacedName `json:"gateway"`
	// Ready: the first complete state of the gateway was applied.
	Ready    bool          `json:"ready"`
	Backends []BackendDump `json:"backends,omitempty"`
}

// BackendDump is one backend.
type BackendDump struct {
	// Name of its endpoints.
	Name    string                 `json:"name"`
	Demands []types.NamespacedName `json:"demands,omitempty"`
	// State as in the table of the package comment.
	State string `json:"state"`
	// Armed: proxies ask before they route. Free: the engine wants no hold cluster.
	Armed bool `json:"armed"`
	Free  bool `json:"free,omitempty"`
	// Endpoints that the engine wants, "address:port". Stale: it wants none, and proxies still have
	// these, until StaleUntil; nil: until every proxy asks.
	Endpoints  []string    `json:"endpoints,omitempty"`
	Stale      []string    `json:"stale,omitempty"`
	StaleUntil *time.Time  `json:"staleUntil,omitempty"`
	Proxies    []ProxyDump `json:"proxies,omitempty"`
	// Held requests over all proxies, and answers that a proxy may not have read.
	Held        int `json:"held,omitempty"`
	Unconfirmed int `json:"unconfirmed,omitempty"`
}

// ProxyDump is one proxy that is connected to this replica or has requests held here.
type ProxyDump struct {
	// Node id; "": proxies that did not send one.
	Node      string `json:"node"`
	Connected bool   `json:"connected"`
	// Ready: its requests pass.
	Ready bool `json:"ready"`
	Held  int  `json:"held,omitempty"`
	// Oldest is how long the first of them is held.
	Oldest time.Duration `json:"oldest,omitempty"`
}

// Gateways returns the keys of all gateways, sorted.
func (g *Gate) Gateways() []types.NamespacedName {
	var keys []types.NamespacedName
	for _, each := range g.all() {
		keys = append(keys, each.key)
	}
	return keys
}

// Dump describes a gateway.
func (g *Gate) Dump(key types.NamespacedName) Dump {
	found := g.existing(key)
	if found == nil {
		return Dump{Gateway: key}
	}
	found.mu.Lock()
	defer found.mu.Unlock()
	d := Dump{Gateway: key, Ready: found.ready}
	found.each(func(b *backend) { d.Backends = append(d.Backends, b.dump()) })
	slices.SortFunc(d.Backends, func(a, b BackendDump) int { return strings.Compare(a.Name, b.Name) })
	return d
}

func (b *backend) dump() BackendDump {
	d := BackendDump{Name: b.name, State: b.state.name(), Armed: b.hold.armed}
	switch b.state.(type) {
	case unknown, unheld:
		d.Free = true
	}
	for _, key := range b.gateway.demands.byEndpoints[b.name] {
		d.Demands = append(d.Demands, key)
	}
	slices.SortFunc(d.Demands, func(a, b types.NamespacedName) int {
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
func (r *requests) dump(d *BackendDump) {
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
	slices.SortFunc(d.Proxies, func(a, b ProxyDump) int { return strings.Compare(a.Node, b.Node) })
}

// dumpProxy is called with mu held.
func (r *requests) dumpProxy(node string, now time.Time) ProxyDump {
	d := ProxyDump{Node: node, Ready: r.passes(node)}
	_, d.Connected = r.admission.proxies[node]
	if q := r.queues[node]; q != nil {
		d.Held = q.requests.Len()
		d.Oldest = now.Sub(q.head().since)
	}
	return d
}
