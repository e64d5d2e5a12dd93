package demand

import (
	"slices"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/replica"
	"github.com/kedify/inference-gateway/scaler/demand/window"
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

// holds is what replicas hold for one key.
type holds struct {
	own     Holding
	ownLast instant.Time // when a held request arrived here last
	others  []peerHolding
	total   window.Track
}

// peerHolding is what another replica holds; it is never zero.
type peerHolding struct {
	from *peer
	held int
}

// peer is another replica.
type peer struct {
	name string
	// lost is when its stream ended, an instant.Time; Never: it is open.
	lost atomic.Int64
}

func (r *Registry) peer(name string) *peer {
	p, ok := r.peers.Load(name)
	if !ok {
		p, _ = r.peers.LoadOrStore(name, &peer{name: name})
	}
	return p.(*peer)
}

// expired reports whether what the peer held does not count any more, and since when.
func (p *peer) expired(now instant.Time) (at instant.Time, expired bool) {
	lost := instant.Time(p.lost.Load())
	at = lost + instant.Time(keepHeld)
	return at, lost != instant.Never && now >= at
}

func newHolds() holds { return holds{total: window.NewTrack()} }

func (h *holds) empty() bool { return h.own.Held == 0 && len(h.others) == 0 }

// set notes what another replica holds, and returns what it held before.
func (h *holds) set(from *peer, held int) (last int) {
	i := slices.IndexFunc(h.others, func(o peerHolding) bool { return o.from == from })
	if i >= 0 {
		last = h.others[i].held
	}
	switch {
	case i < 0 && held > 0:
		h.others = append(h.others, peerHolding{from: from, held: held})
	case i >= 0 && held > 0:
		h.others[i].held = held
	case i >= 0:
		h.others = slices.Delete(h.others, i, i+1)
	}
	return last
}

// at returns what another replica holds.
func (h *holds) at(from *peer) int {
	for _, o := range h.others {
		if o.from == from {
			return o.held
		}
	}
	return 0
}

// by returns what each replica holds; "" is this one.
func (h *holds) by() map[string]int {
	by := map[string]int{}
	if h.own.Held > 0 {
		by[""] = h.own.Held
	}
	for _, o := range h.others {
		by[o.from.name] = o.held
	}
	return by
}

// Hold takes what this replica holds for a key. It is to be called at every change, in the
// order of changes, and costs well below a microsecond.
func (r *Registry) Hold(key types.NamespacedName, now Holding) {
	now.Held = max(now.Held, 0)
	at := r.now()
	s := r.lockedSeries(key)
	last := s.holds.own
	s.holds.own = now
	if now.Arrived > last.Arrived {
		s.activity.Arrived, s.holds.ownLast = max(s.activity.Arrived, at), at
		s.waits.arrive(at)
	}
	s.hold(at, now.Held-last.Held, now.Arrived > last.Arrived)
	s.mu.Unlock()
	if now != last {
		r.followers.HoldingChanged(s, (last.Held == 0) != (now.Held == 0))
	}
}

// hold takes a change of the held requests of any replica. mu is held.
func (s *series) hold(now instant.Time, change int, arrived bool) {
	z := s.settings.Load()
	before := s.holds.total.Value()
	if before > 0 || change > 0 {
		s.activity.Load(&z.sizes, now, before > 0)
	}
	s.holds.total.Set(now, before+change)
	if before == 0 && before+change > 0 {
		s.awake = true
		s.signal()
	} else if arrived {
		s.workedAbove(z, now, false)
	}
}

// holdElsewhere takes what another replica holds. mu is held.
func (s *series) holdElsewhere(from *peer, now instant.Time, held int, arrived bool) {
	if last := s.holds.set(from, held); held != last || arrived {
		s.hold(now, held-last, arrived)
	}
}

// expire drops what replicas held that are gone. mu is held.
func (s *series) expire(now instant.Time) {
	for i := 0; i < len(s.holds.others); {
		from := s.holds.others[i].from
		if at, gone := from.expired(now); gone {
			s.holdElsewhere(from, max(at, s.holds.total.Last()), 0, false)
		} else {
			i++
		}
	}
}

// Holding implements replica.Key.
func (s *series) Holding(now instant.Time) replica.HoldingDelta {
	s.mu.Lock()
	defer s.mu.Unlock()
	return replica.HoldingDelta{
		Key: s.key, Held: s.holds.own.Held, Last: replica.AgeOf(s.holds.ownLast, now), Waits: s.waits.delta(now),
	}
}

// Release implements replica.Key.
func (s *series) Release(name string, now instant.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits.others = slices.DeleteFunc(s.waits.others, func(o peerWaited) bool { return o.from.name == name })
	for _, o := range s.holds.others {
		if o.from.name == name {
			s.holdElsewhere(o.from, now, 0, false)
			return
		}
	}
}
