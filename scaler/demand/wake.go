package demand

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
)

// subscriber is one caller of Wake.
type subscriber struct{ changed chan struct{} }

// Wake returns a channel that gets a value when requests begin to be held, here or at another
// replica, and when the trigger becomes active. Values that are not received are merged into
// one. Cancel must be called.
func (r *Registry) Wake(key types.NamespacedName) (changed <-chan struct{}, cancel func()) {
	sub := &subscriber{changed: make(chan struct{}, 1)}
	s := r.lockedSeries(key)
	defer s.mu.Unlock()
	s.subscribers = append(s.subscribers, sub)
	return sub.changed, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.subscribers = slices.DeleteFunc(s.subscribers, func(other *subscriber) bool { return other == sub })
	}
}

// signal wakes the subscribers. mu is held.
func (s *series) signal() {
	for _, sub := range s.subscribers {
		select {
		case sub.changed <- struct{}{}:
		default:
		}
	}
}

// worked notes work in proxies: it keeps in mind that the activation target was exceeded, and
// wakes the subscribers when the trigger becomes active. mu is held.
func (s *series) worked(r *Registry, z *settings, now instant.Time) {
	s.workedAbove(z, now, z.activation > 0 && z.exceeds(s.traffic(z, &coverages{registry: r, now: now})))
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
