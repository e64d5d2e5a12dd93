package engine

import (
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/listener"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// portKey is a bound port of a gateway.
type portKey struct {
	gateway   types.NamespacedName
	transport ir.Transport
	port      uint32
}

// portListener is the listener of a bound port on the wire.
type portListener struct {
	resource resource.Resource
	clusters []ir.ClusterKey // that its layer 4 chains name
}

func sameListener(a, b *portListener) bool { return sameResource(&a.resource, &b.resource) }

// computePorts says which ports of a gateway are bound, and how their connections are served.
func (m *Model) computePorts(key types.NamespacedName, record func(store.Dep)) *[]ir.Listener {
	gateway := m.gateway(key, record)
	if !gateway.Owned {
		return nil
	}
	listeners := listener.ByPort(gateway, m.forwards(key, record))
	return &listeners
}

func (m *Model) forwards(gateway types.NamespacedName, record func(store.Dep)) func(resolve.ListenerID) []resolve.ForwardFragment {
	return func(listener resolve.ListenerID) []resolve.ForwardFragment {
		record(forwardsDep{listenerKey{gateway, listener}})
		var fragments []resolve.ForwardFragment
		for _, o := range m.fragments.forwards[listenerKey{gateway, listener}] {
			fragments = append(fragments, o.fragment)
		}
		return fragments
	}
}

func (m *Model) computeListener(key portKey, c *computation) (*portListener, error) {
	c.record(key)
	listeners := portsOf(m.ports.get(key.gateway))
	at := slices.IndexFunc(listeners, func(l ir.Listener) bool { return keyOfPort(key.gateway, l) == key })
	if at < 0 {
		return nil, nil
	}
	listener := listeners[at]
	c.sources = func() []ir.Source { return listenerSources(listener) }
	rendered, err := m.render.listener(listener)
	return &portListener{resource: rendered, clusters: listenerClusters(listener)}, err
}

// listenerSources returns the listeners that share a port, and the routes of its layer 4 chains.
func listenerSources(listener ir.Listener) []ir.Source {
	sources := slices.Clone(listener.Sources)
	for _, chain := range listener.Chains {
		if chain.Forward != nil && !slices.Contains(sources, chain.Forward.Source) {
			sources = append(sources, chain.Forward.Source)
		}
	}
	return sources
}

func listenerClusters(listener ir.Listener) (clusters []ir.ClusterKey) {
	for _, chain := range listener.Chains {
		if chain.Forward == nil {
			continue
		}
		for _, target := range chain.Forward.Targets {
			if !target.Invalid && !slices.Contains(clusters, target.Cluster) {
				clusters = append(clusters, target.Cluster)
			}
		}
	}
	return clusters
}

func (m *Model) flushListeners() {
	for _, change := range m.ports.flush(never) {
		m.reuseListeners(change.key, portsOf(change.old), portsOf(change.new))
	}
	for _, change := range m.listeners.flush(never) {
		var old, new *resource.Resource
		if change.old != nil {
			old = &change.old.resource
		}
		if change.new != nil {
			new = &change.new.resource
		}
		m.upsert(change.key.gateway, old, new)
	}
}

// reuseListeners wants the listeners of the ports that are bound now, and marks those that are
// served differently.
func (m *Model) reuseListeners(gateway types.NamespacedName, old, new []ir.Listener) {
	before := map[portKey]ir.Listener{}
	for _, listener := range old {
		before[keyOfPort(gateway, listener)] = listener
	}
	for _, listener := range new {
		key := keyOfPort(gateway, listener)
		known, ok := before[key]
		if !ok {
			m.listeners.want(key)
		} else if !reflect.DeepEqual(known, listener) {
			m.graph.touch(key)
		}
		delete(before, key)
	}
	for key := range before {
		m.listeners.drop(key)
	}
}

func keyOfPort(gateway types.NamespacedName, listener ir.Listener) portKey {
	return portKey{gateway: gateway, transport: listener.Transport, port: listener.Port}
}

func portsOf(listeners *[]ir.Listener) []ir.Listener {
	if listeners == nil {
		return nil
	}
	return *listeners
}
