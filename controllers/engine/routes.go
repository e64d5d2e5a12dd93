package engine

import (
	"reflect"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/backend"
	"github.com/kedify/inference-gateway/controllers/resolve/route"
	"github.com/kedify/inference-gateway/controllers/store"
)

func (m *Model) computeRoute(object resolve.Object, record func(store.Dep)) *resolve.RouteResult {
	result := route.Resolve(m.store.View(record), object, func(key types.NamespacedName) resolve.GatewayResult {
		return m.gateway(key, record)
	})
	return &result
}

func (m *Model) computePool(key types.NamespacedName, record func(store.Dep)) *resolve.PoolResult {
	result := backend.Pool(m.store.View(record), key)
	return &result
}

func (m *Model) flushPools() {
	for _, change := range m.pools.flush(never) {
		m.graph.touch(poolDep{change.key})
	}
}

func (m *Model) flushRoutes(due pause) (done bool) {
	for _, change := range m.routes.flush(due) {
		m.graph.touch(routeDep{change.key})
		m.reindex(change.old, change.new)
		m.reuse(change.old, change.new)
		m.reattach(change.key, change.old, change.new)
	}
	return !m.routes.more()
}

// reindex moves the fragments of a route. A change of status alone moves nothing.
func (m *Model) reindex(old, new *resolve.RouteResult) {
	if old != nil && new != nil && sameFragments(old, new) {
		return
	}
	if old != nil {
		m.graph.touch(m.fragments.remove(old)...)
	}
	if new != nil {
		m.graph.touch(m.fragments.add(new)...)
		m.wantTablesOf(new)
	}
	if old != nil { // after add, so that a table that stays is not dropped in between
		m.wantTablesOf(old)
	}
}

func sameFragments(a, b *resolve.RouteResult) bool {
	return reflect.DeepEqual(a.Fragments, b.Fragments) && reflect.DeepEqual(a.Forwards, b.Forwards) &&
		sameAttachment(a, b)
}

func sameAttachment(a, b *resolve.RouteResult) bool {
	if len(a.Parents) != len(b.Parents) {
		return false
	}
	for i := range a.Parents {
		if a.Parents[i].Gateway != b.Parents[i].Gateway ||
			!reflect.DeepEqual(a.Parents[i].Attached, b.Parents[i].Attached) {
			return false
		}
	}
	return true
}

// wantTablesOf brings the tables of the exact hostnames of a route up to date.
func (m *Model) wantTablesOf(result *resolve.RouteResult) {
	for _, fragment := range result.Fragments {
		if !isWildcard(fragment.Hostname) {
			m.wantTable(keyOf(fragment))
		}
	}
}

// reuse moves what a route uses: clusters, pools and Services.
func (m *Model) reuse(old, new *resolve.RouteResult) {
	if old != nil && new != nil && sameUse(old, new) {
		return
	}
	if new != nil { // first, so that what both use is not touched
		m.graph.touch(m.usage.count(new, 1)...)
		eachCluster(new, m.clusters.want)
	}
	if old != nil {
		m.graph.touch(m.usage.count(old, -1)...)
		eachCluster(old, m.clusters.drop)
	}
}

// reattach outputs where a route is attached, when that changed.
func (m *Model) reattach(route resolve.Object, old, new *resolve.RouteResult) {
	if before, now := attachmentOf(old), attachmentOf(new); !reflect.DeepEqual(before, now) {
		m.output.Attachment(route, now)
	}
}

func attachmentOf(result *resolve.RouteResult) *resolve.Attachment {
	if result == nil {
		return nil
	}
	return result.Attachment()
}

func eachCluster(result *resolve.RouteResult, visit func(clusterKey)) {
	for _, gateway := range attachedGateways(result) {
		for _, cluster := range result.Clusters {
			visit(clusterKey{gateway, cluster})
		}
	}
}

func sameUse(a, b *resolve.RouteResult) bool {
	return reflect.DeepEqual(a.Clusters, b.Clusters) && reflect.DeepEqual(a.Pools, b.Pools) &&
		reflect.DeepEqual(attachedGateways(a), attachedGateways(b))
}
