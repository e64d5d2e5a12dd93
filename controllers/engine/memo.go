package engine

import (
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/xds/ir"
)

// memo holds the results of one pure function by key and recomputes those whose input changed.
// It counts the users of each key: a unit lives as long as it has one, also while its result
// is nil.
type memo[K comparable, V any] struct {
	memoOptions[K, V]
	graph    *graph
	failures *failures
	units    map[K]*unit[K, V]
	queue    []*unit[K, V] // stale units and those without users, each once
	dropped  []change[K, V]
}

type memoOptions[K comparable, V any] struct {
	// compute returns nil for "absent". After an error, or a panic, the unit keeps its last
	// result.
	compute func(key K, c *computation) (*V, error)
	equal   func(a, b *V) bool
	// name says in a log which unit it is.
	name func(K) string
	// sources are the objects that a failure is reported on, unless the computation names
	// others; may be nil.
	sources func(K) []ir.Source
	// kept is called when a failed unit begins to keep its last result, and when it ends to;
	// may be nil.
	kept func(key K, value *V, keeps bool)
}

// computation is what a running computation reports about itself.
type computation struct {
	// record takes everything that is read.
	record func(store.Dep)
	// sources returns the objects that a failure is reported on.
	sources func() []ir.Source
}

// unit is one key of a memo.
type unit[K comparable, V any] struct {
	memo    *memo[K, V]
	key     K
	value   *V
	reads   []edge
	users   int
	failure *RenderFailure
	stale   bool
	queued  bool
}

// change is a result that became different; nil means absent.
type change[K comparable, V any] struct {
	key      K
	old, new *V
}

func newMemo[K comparable, V any](g *graph, f *failures, options memoOptions[K, V]) *memo[K, V] {
	return &memo[K, V]{memoOptions: options, graph: g, failures: f, units: map[K]*unit[K, V]{}}
}

// want adds a user of a key.
func (m *memo[K, V]) want(key K) {
	u, ok := m.units[key]
	if !ok {
		u = &unit[K, V]{memo: m, key: key}
		m.units[key] = u
		u.markStale()
	}
	u.users++
}

// drop removes a user that want added. The next flush removes units without users and reports their
// last results, so a key may be dropped and wanted again in between.
func (m *memo[K, V]) drop(key K) {
	u := m.units[key]
	if u.users--; u.users == 0 {
		u.enqueue()
	}
}

// renew is want for the unit of an object that was created. What an object of the same name
// left behind ends here.
func (m *memo[K, V]) renew(key K) {
	if u, ok := m.units[key]; ok && u.users == 0 {
		m.remove(u)
	}
	m.want(key)
}

// get returns the result of a key, nil when there is none.
func (m *memo[K, V]) get(key K) *V {
	if u, ok := m.units[key]; ok {
		return u.value
	}
	return nil
}

// each visits the keys that have a result, in no order.
func (m *memo[K, V]) each(visit func(K, *V)) {
	for key, u := range m.units {
		if u.value != nil {
			visit(key, u.value)
		}
	}
}

func (u *unit[K, V]) markStale() {
	u.stale = true
	u.enqueue()
}

func (u *unit[K, V]) enqueue() {
	if !u.queued {
		u.queued = true
		u.memo.queue = append(u.memo.queue, u)
	}
}

// flush recomputes what is out of date and returns what became different: removed units first. It
// ends after a unit when a pause is due, and then has more to do.
func (m *memo[K, V]) flush(due pause) (changes []change[K, V]) {
	queue := m.queue
	m.queue = nil
	for _, u := range queue {
		u.queued = false
		if u.users == 0 && m.units[u.key] == u {
			m.remove(u)
		}
	}
	changes = m.dropped
	m.dropped = nil
	for i, u := range queue {
		if u.users == 0 || !u.stale {
			continue
		}
		changes = u.refresh(changes)
		if due() && i+1 < len(queue) {
			for _, left := range queue[i+1:] {
				left.enqueue()
			}
			return changes
		}
	}
	return changes
}

// renewKnown is flush for the units that have a result. It removes none.
func (m *memo[K, V]) renewKnown() (changes []change[K, V]) {
	queue := m.queue
	m.queue = nil
	for _, u := range queue {
		u.queued = false
		if u.users == 0 || !u.stale || u.value == nil {
			u.enqueue()
			continue
		}
		changes = u.refresh(changes)
	}
	return changes
}

// more reports whether something is out of date.
func (m *memo[K, V]) more() bool { return len(m.queue) > 0 }

func (m *memo[K, V]) remove(u *unit[K, V]) {
	u.fail(nil)
	m.graph.unlink(u.reads)
	delete(m.units, u.key)
	if u.value != nil {
		m.dropped = append(m.dropped, change[K, V]{key: u.key, old: u.value})
	}
}

// refresh recomputes a unit that is out of date, and adds what became different.
func (u *unit[K, V]) refresh(changes []change[K, V]) []change[K, V] {
	u.stale = false
	if old, changed := u.recompute(); changed {
		changes = append(changes, change[K, V]{key: u.key, old: old, new: u.value})
	}
	return changes
}

func (u *unit[K, V]) recompute() (old *V, changed bool) {
	value, failure := u.run()
	u.fail(failure)
	if failure != nil {
		return nil, false
	}
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

// run computes the unit and links it to what it read, also when it fails.
func (u *unit[K, V]) run() (value *V, failure *RenderFailure) {
	m := u.memo
	nodes := make([]*node, 0, len(u.reads))
	c := &computation{record: m.graph.collect(&nodes), sources: func() []ir.Source {
		if m.sources == nil {
			return nil
		}
		return m.sources(u.key)
	}}
	value, err := contain.Call(func() (*V, error) { return m.compute(u.key, c) })
	u.reads = m.graph.link(u, u.reads, nodes)
	if err != nil {
		failure = &RenderFailure{Unit: m.name(u.key), Sources: c.sources(), Err: err, Kept: u.value != nil}
	}
	return value, failure
}

// fail sets the failure of the unit, nil: none.
func (u *unit[K, V]) fail(next *RenderFailure) {
	before := u.failure
	u.failure = next
	u.memo.failures.replace(before, next)
	if kept := u.memo.kept; kept != nil && u.value != nil && (before == nil) != (next == nil) {
		kept(u.key, u.value, next != nil)
	}
}
