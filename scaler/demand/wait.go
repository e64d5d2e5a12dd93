package demand

import (
	"slices"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/replica"
)

// Wait is how the requests of one key fare that find no endpoint, over all replicas. Zero times: never, as far as is known.
type Wait struct {
	// Held requests wait now.
	Held int
	// Since is when the first request came for which no endpoint was found, after the last one that was served.
	Since time.Time
	// Arrived is when a request came last.
	Arrived time.Time
	// Failed is when one was last answered without an endpoint: after its timeout, or because nothing will start its target.
	Failed time.Time
	// Served is when one that had waited was last sent to an endpoint.
	Served time.Time
}

// waits are the moments of Wait in one replica. Instants that never were are instant.Never.
type waits struct {
	// open mirrors own.since for readers without the lock of the series: a request that passes costs no lock.
	open atomic.Bool
	own  waited
	// others have what other replicas say of requests that wait there.
	others []peerWaited
	// failed and served are over all replicas.
	failed, served instant.Time
}

// waited is what one replica knows by itself.
type waited struct{ since, failed, served instant.Time }

type peerWaited struct {
	from  *peer
	since instant.Time
}

func (w *waits) setSince(at instant.Time) {
	w.own.since = at
	w.open.Store(at != instant.Never)
}

// arrive notes that requests came for which there is no endpoint.
func (w *waits) arrive(now instant.Time) {
	if w.own.since == instant.Never {
		w.setSince(now)
	}
}

// set notes since when requests wait at another replica; Never: none does.
func (w *waits) set(from *peer, since instant.Time) {
	w.others = slices.DeleteFunc(w.others, func(o peerWaited) bool { return o.from == from })
	if since != instant.Never {
		w.others = append(w.others, peerWaited{from, since})
	}
}

// since is when the first request came after the last one that was served anywhere. A replica that holds none any more
// may have sent its requests to another one, which served them.
func (w *waits) since(h *holds, now instant.Time) instant.Time {
	first := instant.Never
	consider := func(since instant.Time, held int) {
		if since != instant.Never && (held > 0 || since > w.served) && (first == instant.Never || since < first) {
			first = since
		}
	}
	consider(w.own.since, h.own.Held)
	for _, o := range w.others {
		if _, gone := o.from.expired(now); !gone {
			consider(o.since, h.at(o.from))
		}
	}
	if first == instant.Never {
		return instant.Never
	}
	return max(first, w.served)
}

// Answered takes that a request of a key, for which there was no endpoint when it came, is answered: it was served, or
// failed for want of an endpoint. Clients that left are not told.
func (r *Registry) Answered(key types.NamespacedName, served bool) {
	s := r.find(key)
	if s == nil {
		return
	}
	now := r.now()
	s.mu.Lock()
	w := &s.waits
	if served {
		since := instant.Never
		if s.holds.own.Held > 0 {
			since = now
		}
		w.setSince(since)
		w.own.served, w.served = now, now
	} else {
		w.arrive(now)
		w.own.failed, w.failed = now, now
	}
	s.mu.Unlock()
	r.followers.HoldingChanged(s, false)
}

// Passed takes that a request of a key found an endpoint when it came. It costs no lock while none waited in vain.
func (r *Registry) Passed(key types.NamespacedName) {
	if s := r.find(key); s != nil && s.waits.open.Load() {
		r.Answered(key, true)
	}
}

// Waits visits the triggers in force of which a request ever waited, as far as is known.
func (r *Registry) Waits(visit func(types.NamespacedName, Wait)) {
	now := r.now()
	r.series.Range(func(_, value any) bool {
		s := value.(*series)
		if wait, ever := s.wait(r, now); ever {
			visit(s.key, wait)
		}
		return true
	})
}

// wait returns how requests of the key fare; false: none ever waited.
func (s *series) wait(r *Registry, now instant.Time) (wait Wait, ever bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settings.Load().scaler == nil {
		return wait, false
	}
	s.expire(now)
	since := s.waits.since(&s.holds, now)
	if since == instant.Never && s.waits.failed == instant.Never && s.waits.served == instant.Never {
		return wait, false
	}
	return Wait{
		Held: s.holds.total.Value(), Since: r.wall(since), Arrived: r.wall(max(s.activity.Arrived, s.waits.failed)),
		Failed: r.wall(s.waits.failed), Served: r.wall(s.waits.served),
	}, true
}

// delta is what other replicas are told; nil: nothing to tell.
func (w *waits) delta(now instant.Time) *replica.WaitDelta {
	if w.own == (waited{}) {
		return nil
	}
	return &replica.WaitDelta{
		Since: replica.AgeOf(w.own.since, now), Failed: replica.AgeOf(w.own.failed, now), Served: replica.AgeOf(w.own.served, now),
	}
}

// merge takes what another replica tells; nil: nothing.
func (w *waits) merge(from *peer, told *replica.WaitDelta, now instant.Time) {
	if told == nil {
		w.set(from, instant.Never)
		return
	}
	w.set(from, told.Since.At(now))
	w.failed = max(w.failed, told.Failed.At(now))
	w.served = max(w.served, told.Served.At(now))
}
