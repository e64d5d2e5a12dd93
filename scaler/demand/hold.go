package demand

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// keepHeld is how long the held requests of a replica count after its stream ended: long
// enough for the stream to open again, short enough not to count requests twice that another
// replica holds now.
const keepHeld = time.Second

// Holding is what one replica holds for one key: now, and cumulative arrivals of held
// requests since the replica's start.
type Holding struct {
	Held    int
	Arrived uint64
}

// holding is what another replica holds; it is never zero.
type holding struct {
	from *peer
	held int
}

// Hold takes what this replica holds for a key. It is to be called at every change, in the
// order of changes, and costs well below a microsecond.
func (b *Registry) Hold(key types.NamespacedName, h Holding) {
	h.Held = max(h.Held, 0)
	now := b.now()
	e := b.locked(key)
	last := e.own
	e.own = h
	if h.Arrived > last.Arrived {
		e.arrived, e.ownLast = max(e.arrived, now), now
	}
	e.hold(now, h.Held-last.Held, h.Arrived > last.Arrived)
	e.mu.Unlock()
	if h != last {
		b.tellHolding(e, (last.Held == 0) != (h.Held == 0))
	}
}

// hold takes a change of the held requests of any replica. mu is held.
func (e *entry) hold(now instant, change int, arrived bool) {
	p := e.plan.Load()
	before := e.held.value
	if before > 0 || change > 0 {
		e.loads(p, now)
	}
	e.held.set(now, before+change)
	if before == 0 && e.held.value > 0 {
		e.awake = true
		e.signal()
	} else if arrived {
		e.rouseBy(p, now, false)
	}
}

// holdElsewhere takes what another replica holds. mu is held.
func (e *entry) holdElsewhere(from *peer, now instant, held int, arrived bool) {
	i := slices.IndexFunc(e.holdings, func(h holding) bool { return h.from == from })
	last := 0
	if i >= 0 {
		last = e.holdings[i].held
	}
	switch {
	case i < 0 && held > 0:
		e.holdings = append(e.holdings, holding{from: from, held: held})
	case i >= 0 && held > 0:
		e.holdings[i].held = held
	case i >= 0:
		e.holdings = slices.Delete(e.holdings, i, i+1)
	}
	if held != last || arrived {
		e.hold(now, held-last, arrived)
	}
}

// expire drops what replicas held that are gone. mu is held.
func (e *entry) expire(now instant) {
	for i := 0; i < len(e.holdings); {
		if at, gone := e.holdings[i].from.expired(now); gone {
			e.holdElsewhere(e.holdings[i].from, max(at, e.held.last), 0, false)
		} else {
			i++
		}
	}
}
