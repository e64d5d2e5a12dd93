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
		m.exchange(useOfRoute(change.old), useOfRoute(change.new))
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
