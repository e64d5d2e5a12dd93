package hold

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Dump is everything known about the held backends of a gateway, for people and tests.
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
	// Armed: proxies ask before they route. Free: nobody is to wait.
	Armed bool `json:"armed"`
	Free  bool `json:"free,omitempty"`
	// Endpoints in use, "address:port". Stale: there is none, and proxies are still told of these.
	// StaleUntil is when these go; nil: not before every proxy asks.
	Endpoints  []string    `json:"endpoints,omitempty"`
	Stale      []string    `json:"stale,omitempty"`
	StaleUntil *time.Time  `json:"staleUntil,omitempty"`
	Proxies    []ProxyDump `json:"proxies,omitempty"`
	// Held requests over all proxies, and how many answers were not confirmed.
	Held        int `json:"held,omitempty"`
	Unconfirmed int `json:"unconfirmed,omitempty"`
}

// ProxyDump is one proxy that is connected to this replica or has requests that wait here.
type ProxyDump struct {
	// Node id; "": proxies that did not say.
	Node      string `json:"node"`
	Connected bool   `json:"connected"`
	// Ready: it is known to have an endpoint that is in use.
	Ready bool `json:"ready"`
	Held  int  `json:"held,omitempty"`
	// Oldest is how long the first of them waits.
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

// Dump returns what is known about a gateway.
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
	d := BackendDump{Name: b.name, Armed: b.armed}
	for _, key := range b.gateway.demands[b.name] {
		d.Demands = append(d.Demands, key)
	}
	slices.SortFunc(d.Demands, func(a, b types.NamespacedName) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	d.Demands = slices.Compact(d.Demands)
	if b.current != nil {
		d.Endpoints = slices.Clone(b.current.addresses)
	}
	if b.told != nil && len(d.Endpoints) == 0 {
		d.Stale = slices.Clone(b.told.addresses)
		if until := b.restUntil; !until.IsZero() {
			d.StaleUntil = &until
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	d.Free, d.Held, d.Unconfirmed = b.free, b.held, b.unconfirmed
	for node := range b.nodes {
		d.Proxies = append(d.Proxies, b.dumpProxy(node))
	}
	for node := range b.lanes {
		if _, connected := b.nodes[node]; !connected {
			d.Proxies = append(d.Proxies, b.dumpProxy(node))
		}
	}
	slices.SortFunc(d.Proxies, func(a, b ProxyDump) int { return strings.Compare(a.Node, b.Node) })
	return d
}

// dumpProxy is called with mu held.
func (b *backend) dumpProxy(node string) ProxyDump {
	d := ProxyDump{Node: node, Ready: b.may(node)}
	_, d.Connected = b.nodes[node]
	if l := b.lanes[node]; l != nil {
		d.Held = l.queue.Len()
		d.Oldest = b.now().Sub(l.head().since)
	}
	return d
}
