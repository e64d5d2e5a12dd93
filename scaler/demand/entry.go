package demand

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"
)

// entry is one demand key.
type entry struct {
	key  types.NamespacedName
	text string // of key
	// refs counts the cells of proxies that lead here.
	refs atomic.Int32
	// plan is never nil.
	plan atomic.Pointer[plan]

	mu    sync.Mutex
	lanes []*lane
	// own is what this replica holds, holdings what others do; held is the sum over time.
	own      Holding
	holdings []holding
	held     track
	ownLast  instant // when a held request arrived here last
	// loaded is when requests in flight were seen last, loadedFrom when the first of them
	// was after a load window without any.
	loaded, loadedFrom instant
	// arrived is when a request arrived last; busy when the activation target was exceeded.
	arrived, busy instant
	// began is when a proxy was seen first that had counted requests before: when those arrived
	// is not known. never: there is none.
	began instant
	// counted is the number of requests that arrived in proxies, over all lanes.
	counted uint64
	// awake: the trigger is active, and whoever waits was told.
	awake   bool
	waiters []*waiter
	removed bool // from the registry
}

// refer returns the entry of a key, for a cell.
func (b *Registry) refer(key types.NamespacedName) *entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entryLocked(key)
	e.refs.Add(1)
	return e
}

// entry returns the entry of a key; nil: nobody spoke of it.
func (b *Registry) entry(key types.NamespacedName) *entry {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.entries[key]
}

// locked returns the entry of a key with its lock held.
func (b *Registry) locked(key types.NamespacedName) *entry {
	for {
		e := b.entry(key)
		if e == nil {
			b.mu.Lock()
			e = b.entryLocked(key)
			b.mu.Unlock()
		}
		e.mu.Lock()
		if !e.removed {
			return e
		}
		e.mu.Unlock()
	}
}

// entryLocked has the lock of the registry.
func (b *Registry) entryLocked(key types.NamespacedName) *entry {
	e := b.entries[key]
	if e == nil {
		// The strings may be parts of a message, which they would keep in memory.
		text := key.String()
		key = keyOf(text)
		e = &entry{key: key, text: text}
		e.plan.Store(b.unplanned)
		e.held.load = ring{width: instant(loadWidth), size: maxProfile}
		b.entries[key] = e
	}
	return e
}

// takePlan takes what is to be counted from now on. mu is held.
func (e *entry) takePlan(next *plan) {
	last := e.plan.Swap(next)
	e.awake = false
	if next.scaler == nil {
		e.lanes = nil
		return
	}
	e.lanes = slices.DeleteFunc(e.lanes, func(l *lane) bool { return !next.counts(l.gateway) })
	if !last.sameBuckets(next) {
		for i, l := range e.lanes {
			e.lanes[i] = l.poured(next)
		}
	}
}

// poured returns the lane with the buckets of another plan.
func (l *lane) poured(p *plan) *lane {
	next := newLane(l.gateway, p)
	next.first, next.start, next.arrived, next.shares = l.first, l.start, l.arrived, l.shares
	l.requests.each(func(from, to instant, amount float64) {
		next.requests.add(from, max(min(to, l.arrived), from+1), amount) // the newest bucket is not over
	})
	l.load.each(next.load.add)
	return next
}

// lane returns the lane of a gateway; nil: its proxies have no say in this trigger, whatever
// they report.
func (e *entry) lane(p *plan, g *gateway) *lane {
	if !p.counts(g) {
		return nil
	}
	for _, l := range e.lanes {
		if l.gateway == g {
			return l
		}
	}
	l := newLane(g, p)
	e.lanes = append(e.lanes, l)
	return l
}

// take takes what one proxy counted.
func (e *entry) take(st *step, from *proxy, now *cell, delta uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.plan.Load()
	l := e.lane(p, from.gateway)
	if l == nil {
		return
	}
	if delta > 0 {
		e.counted += delta
		e.arrived = max(e.arrived, st.at)
	}
	if now.counts.Active > 0 {
		e.loads(p, st.at)
	}
	l.take(p, st, from, now, delta)
	if delta > 0 || now.counts.Active > 0 {
		e.rouse(st.registry, p, st.at)
	}
}

// baseline notes that requests arrived before counting began.
func (e *entry) baseline(at instant) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.began = max(e.began, at)
}

// loads notes that there are requests in flight.
func (e *entry) loads(p *plan, at instant) {
	if e.held.value > 0 {
		e.loaded = max(e.loaded, at)
	}
	if e.loaded == never || at-e.loaded >= p.loadWindow {
		e.loadedFrom = at
	}
	e.loaded = max(e.loaded, at)
}

// lose ends the requests in flight of a proxy that is gone.
func (e *entry) lose(from *proxy, at instant) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.lanes {
		if l.gateway == from.gateway {
			l.lose(from, at)
		}
	}
}

// keyOf is the inverse of types.NamespacedName.String.
func keyOf(text string) types.NamespacedName {
	namespace, name, _ := strings.Cut(text, "/")
	return types.NamespacedName{Namespace: namespace, Name: name}
}

// unused reports whether nothing leads to the entry any more. b.mu and mu are held.
func (e *entry) unused() bool {
	return e.plan.Load().scaler == nil && e.refs.Load() == 0 && e.own.Held == 0 && len(e.holdings) == 0 && len(e.waiters) == 0
}

// tidy drops what counts no more. mu is held.
func (e *entry) tidy(now instant) {
	p := e.plan.Load()
	for _, l := range e.lanes {
		if l.idle(p, now) {
			l.requests.empty()
		}
	}
	if now-e.loaded > p.loadWindow+instant(loadWidth) && e.held.value == 0 {
		e.held.load.empty()
		for _, l := range e.lanes {
			if len(l.shares) == 0 {
				l.load.empty()
			}
		}
	}
}
