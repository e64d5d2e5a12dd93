package engine

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/listener"
	"github.com/kedify/inference-gateway/controllers/resolve/route"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// hostKey is the table of one exact hostname of a chain.
type hostKey struct {
	gateway  types.NamespacedName
	chain    string
	hostname string
}

// chainKey is the fallback table of a chain.
type chainKey struct {
	gateway types.NamespacedName
	chain   string
}

// hostTable is a table on the wire: the scope that finds it and the routes.
type hostTable struct {
	scope, routes resource.Resource
}

func sameTable(a, b *hostTable) bool {
	return sameResource(&a.scope, &b.scope) && sameResource(&a.routes, &b.routes) &&
		slices.Equal(a.routes.Sources, b.routes.Sources)
}

func (m *Model) computeHost(key hostKey, record func(store.Dep)) *hostTable {
	gateway := m.gateway(key.gateway, record)
	host, ok := route.Host(gateway, key.chain, key.hostname, m.fragments.reader(key.gateway, record))
	if !ok {
		return nil
	}
	scope, routes, err := translate.Host(host)
	return m.table(faultKey{key.gateway, key.chain + " " + key.hostname}, scope, routes, err)
}

func (m *Model) computeWildcards(key chainKey, record func(store.Dep)) *hostTable {
	gateway := m.gateway(key.gateway, record)
	var patterns []string
	for _, listener := range gateway.Listeners {
		if listener.Chain != key.chain {
			continue
		}
		record(patternsDep(key.gateway, listener.ID))
		patterns = append(patterns, m.fragments.patterns[listenerKey{key.gateway, listener.ID}]...)
	}
	slices.Sort(patterns)
	wildcards := route.Wildcards(gateway, key.chain, slices.Compact(patterns), m.fragments.reader(key.gateway, record))
	scope, routes, err := translate.Wildcards(wildcards)
	return m.table(faultKey{key.gateway, key.chain + " *"}, scope, routes, err)
}

// table wraps a rendered table. What cannot be rendered is left as it was: the fault is ours.
func (m *Model) table(key faultKey, scope, routes resource.Resource, err error) *hostTable {
	if m.fault(key, routes.Sources, err) {
		return nil
	}
	return &hostTable{scope: scope, routes: routes}
}

func (m *Model) flushHosts() {
	for _, change := range m.hosts.flush() {
		m.replaceTable(change.key.gateway, change.old, change.new)
	}
	for _, change := range m.wildcards.flush() {
		m.replaceTable(change.key.gateway, change.old, change.new)
	}
}

func (m *Model) replaceTable(gateway types.NamespacedName, old, new *hostTable) {
	var oldScope, oldRoutes, newScope, newRoutes *resource.Resource
	if old != nil {
		oldScope, oldRoutes = &old.scope, &old.routes
	}
	if new != nil {
		newScope, newRoutes = &new.scope, &new.routes
	}
	m.upsert(gateway, oldScope, newScope)
	m.upsert(gateway, oldRoutes, newRoutes)
}

// listenerSet is the listeners of a gateway on the wire, sorted by name.
type listenerSet struct {
	resources []resource.Resource
}

func sameListeners(a, b *listenerSet) bool {
	return slices.EqualFunc(a.resources, b.resources, func(a, b resource.Resource) bool { return sameResource(&a, &b) })
}

func (m *Model) computeListeners(key types.NamespacedName, record func(store.Dep)) *listenerSet {
	gateway := m.gateway(key, record)
	if !gateway.Owned {
		return nil
	}
	set := &listenerSet{}
	for _, listener := range listener.ByPort(gateway, m.forwards(key, record)) {
		r, err := translate.Listener(listener)
		if m.fault(faultKey{key, "listener " + r.Name}, r.Sources, err) {
			continue
		}
		set.resources = append(set.resources, r)
	}
	return set
}

func (m *Model) forwards(gateway types.NamespacedName, record func(store.Dep)) func(resolve.ListenerID) []resolve.ForwardFragment {
	return func(listener resolve.ListenerID) []resolve.ForwardFragment {
		record(forwardsDep(gateway, listener))
		var fragments []resolve.ForwardFragment
		for _, o := range m.fragments.forwards[listenerKey{gateway, listener}] {
			fragments = append(fragments, o.fragment)
		}
		return fragments
	}
}

func (m *Model) flushListeners() {
	for _, change := range m.listeners.flush() {
		m.replaceAll(change.key, resources(change.old), resources(change.new))
	}
}

func resources(set *listenerSet) []resource.Resource {
	if set == nil {
		return nil
	}
	return set.resources
}

// replaceAll replaces one set of resources of a gateway by another.
func (m *Model) replaceAll(gateway types.NamespacedName, old, new []resource.Resource) {
	kept := map[resource.Key]*resource.Resource{}
	for i := range old {
		kept[old[i].Key] = &old[i]
	}
	for i := range new {
		m.upsert(gateway, kept[new[i].Key], &new[i])
		delete(kept, new[i].Key)
	}
	for _, r := range kept {
		m.upsert(gateway, r, nil)
	}
}
