package engine

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve/route"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
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
	clusters      []ir.ClusterKey // that the routes name
}

func sameTable(a, b *hostTable) bool {
	return sameResource(&a.scope, &b.scope) && sameResource(&a.routes, &b.routes)
}

func (m *Model) computeHost(key hostKey, c *computation) (*hostTable, error) {
	gateway := m.gateway(key.gateway, c.record)
	host, ok := route.Host(gateway, key.chain, key.hostname, m.fragments.reader(key.gateway, c.record))
	if !ok {
		return nil, nil
	}
	c.sources = func() []ir.Source { return routeSources(host) }
	scope, routes, err := m.render.host(host)
	return &hostTable{scope: scope, routes: routes, clusters: routeClusters(host)}, err
}

func (m *Model) computeWildcards(key chainKey, c *computation) (*hostTable, error) {
	wildcards := m.wildcardsOf(key, c.record)
	c.sources = func() []ir.Source { return routeSources(wildcards.Hosts...) }
	scope, routes, err := m.render.wildcards(wildcards)
	return &hostTable{scope: scope, routes: routes, clusters: routeClusters(wildcards.Hosts...)}, err
}

func (m *Model) wildcardsOf(key chainKey, record func(store.Dep)) ir.Wildcards {
	gateway := m.gateway(key.gateway, record)
	var patterns []string
	for _, listener := range gateway.Listeners {
		if listener.Chain != key.chain {
			continue
		}
		record(patternsDep{listenerKey{key.gateway, listener.ID}})
		patterns = append(patterns, m.fragments.patterns[listenerKey{key.gateway, listener.ID}]...)
	}
	return route.Wildcards(gateway, key.chain, patterns, m.fragments.reader(key.gateway, record))
}

// routeSources returns the routes, and the listeners with filters, that shaped the hosts, each once.
func routeSources(hosts ...ir.Host) (sources []ir.Source) {
	for _, host := range hosts {
		if host.Filters != nil && !slices.Contains(sources, host.Filters.Source) {
			sources = append(sources, host.Filters.Source)
		}
		for i := range host.Routes {
			if source := host.Routes[i].Source; !slices.Contains(sources, source) {
				sources = append(sources, source)
			}
		}
	}
	return sources
}

// routeClusters returns the clusters that the hosts name. One may be there several times.
func routeClusters(hosts ...ir.Host) (clusters []ir.ClusterKey) {
	for _, host := range hosts {
		host.EachCluster(func(key ir.ClusterKey) { clusters = append(clusters, key) })
	}
	return slices.Clip(slices.Compact(clusters))
}

// keepClusters keeps the clusters that a table or a listener names while its last result stays
// in force: the routes that it was made of may no longer use them.
func (m *Model) keepClusters(gateway types.NamespacedName, clusters []ir.ClusterKey, keeps bool) {
	for _, cluster := range clusters {
		if keeps {
			m.clusters.want(clusterKey{gateway, cluster})
		} else {
			m.clusters.drop(clusterKey{gateway, cluster})
		}
	}
}

func (m *Model) flushHosts(due pause) (done bool) {
	for _, change := range m.hosts.flush(due) {
		m.replaceTable(change.key.gateway, change.old, change.new)
	}
	if m.hosts.more() {
		return false
	}
	for _, change := range m.wildcards.flush(due) {
		m.replaceTable(change.key.gateway, change.old, change.new)
	}
	return !m.wildcards.more()
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
