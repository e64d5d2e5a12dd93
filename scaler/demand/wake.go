package demand

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
)

// waiter waits for work for a key.
type waiter struct{ changed chan struct{} }

// Wake returns a channel that gets a value when requests begin to be held, here or at another
// replica, and when the trigger becomes active. Values that are not received are merged into
// one. Cancel must be called.
func (r *Registry) Wake(key types.NamespacedName) (changed <-chan struct{}, cancel func()) {
	w := &waiter{changed: make(chan struct{}, 1)}
	s := r.lockedSeries(key)
	defer s.mu.Unlock()
	s.waiters = append(s.waiters, w)
	return w.changed, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.waiters = slices.DeleteFunc(s.waiters, func(other *waiter) bool { return other == w })
	}
}

// signal wakes those that wait. mu is held.
func (s *series) signal() {
	for _, w := range s.waiters {
		select {
		case w.changed <- struct{}{}:
		default:
		}
	}
}

// worked notes work in proxies: it keeps in mind that the activation target was exceeded, and
// wakes those that wait when the trigger becomes active. mu is held.
func (s *series) worked(r *Registry, z *settings, now instant.Time) {
	s.workedAbove(z, now, z.activation > 0 && z.metric.Exceeds(s.traffic(z, &coverages{registry: r, now: now}), z.activation))
}

// workedAbove is worked with the comparison made. mu is held.
func (s *series) workedAbove(z *settings, now instant.Time, above bool) {
	if above {
		s.activity.Exceeded = now
	}
	if !s.awake && (above || z.activation == 0) {
		s.awake = true
		s.signal()
	}
}
