package engine

import (
	"slices"

	"github.com/kedify/inference-gateway/controllers/store"
)

// memo holds the results of one pure function by key and recomputes those whose input
// changed. A key is wanted from mark until drop, also while its result is nil.
type memo[K comparable, V any] struct {
	graph   *graph
	compute func(key K, record func(store.Dep)) *V
	equal   func(a, b *V) bool
	units   map[K]*unit[K, V]
	dirty   []*unit[K, V]
	dropped []change[K, V]
}

type unit[K comparable, V any] struct {
	memo  *memo[K, V]
	key   K
	value *V
	reads []*node
	dirty bool
	gone  bool
}

// change is a result that became different; nil means absent.
type change[K comparable, V any] struct {
	key      K
	old, new *V
}

func newMemo[K comparable, V any](g *graph, compute func(K, func(store.Dep)) *V, equal func(a, b *V) bool) *memo[K, V] {
	return &memo[K, V]{graph: g, compute: compute, equal: equal, units: map[K]*unit[K, V]{}}
}

func (u *unit[K, V]) markDirty() {
	if !u.dirty {
		u.dirty = true
		u.memo.dirty = append(u.memo.dirty, u)
	}
}

// mark wants a key, and wants it computed anew.
func (m *memo[K, V]) mark(key K) {
	u, ok := m.units[key]
	if !ok {
		u = &unit[K, V]{memo: m, key: key}
		m.units[key] = u
	}
	u.markDirty()
}

// want is mark for a key that is not wanted yet.
func (m *memo[K, V]) want(key K) {
	if _, ok := m.units[key]; !ok {
		m.mark(key)
	}
}

// drop wants a key no longer. Its last result is reported by the next flush.
func (m *memo[K, V]) drop(key K) {
	u, ok := m.units[key]
	if !ok {
		return
	}
	for _, n := range u.reads {
		m.graph.unread(n, u)
	}
	u.gone = true
	delete(m.units, key)
	if u.value != nil {
		m.dropped = append(m.dropped, change[K, V]{key: key, old: u.value})
	}
}

// get returns the result of a key, nil when there is none.
func (m *memo[K, V]) get(key K) *V {
	if u, ok := m.units[key]; ok {
		return u.value
	}
	return nil
}

// flush recomputes what is out of date and returns what became different.
func (m *memo[K, V]) flush() []change[K, V] {
	changes := m.dropped
	m.dropped = nil
	dirty := m.dirty
	m.dirty = nil
	for _, u := range dirty {
		u.dirty = false
		if u.gone {
			continue
		}
		if old, changed := u.recompute(); changed {
			changes = append(changes, change[K, V]{key: u.key, old: old, new: u.value})
		}
	}
	return changes
}

func (u *unit[K, V]) recompute() (old *V, changed bool) {
	reads := make([]*node, 0, len(u.reads))
	value := u.memo.compute(u.key, func(dep store.Dep) {
		if n := u.memo.graph.node(dep); !slices.Contains(reads, n) {
			reads = append(reads, n)
		}
	})
	u.reread(reads)
	old = u.value
	if old == nil && value == nil {
		return nil, false
	}
	if old != nil && value != nil && u.memo.equal(old, value) {
		return nil, false
	}
	u.value = value
	return old, true
}

// reread replaces what the unit is known to have read. The usual case is that nothing
// changed, and then nothing is touched: a node may have thousands of readers.
func (u *unit[K, V]) reread(reads []*node) {
	if slices.Equal(u.reads, reads) {
		return
	}
	for _, n := range reads {
		if !slices.Contains(u.reads, n) {
			n.readers = append(n.readers, u)
		}
	}
	for _, n := range u.reads {
		if !slices.Contains(reads, n) {
			u.memo.graph.unread(n, u)
		}
	}
	u.reads = slices.Clip(reads)
}
