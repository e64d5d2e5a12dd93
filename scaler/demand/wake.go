package demand

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"
)

// waiter is somebody who wants to know when a key has work.
type waiter struct{ changed chan struct{} }

// Wake returns a channel that gets a value when requests begin to be held, here or at another
// replica, and when the trigger becomes active. Values that nobody takes are merged into one.
// Cancel must be called.
func (b *Registry) Wake(key types.NamespacedName) (changed <-chan struct{}, cancel func()) {
	w := &waiter{changed: make(chan struct{}, 1)}
	e := b.locked(key)
	defer e.mu.Unlock()
	e.waiters = append(e.waiters, w)
	return w.changed, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.waiters = slices.DeleteFunc(e.waiters, func(other *waiter) bool { return other == w })
	}
}

// signal wakes whoever waits. mu is held.
func (e *entry) signal() {
	for _, w := range e.waiters {
		select {
		case w.changed <- struct{}{}:
		default:
		}
	}
}

// rouse notes work in proxies: it keeps in mind that the activation target was exceeded, and
// wakes whoever waits when the trigger becomes active. mu is held.
func (e *entry) rouse(b *Registry, p *plan, now instant) {
	above := false
	if p.activation > 0 {
		above = e.above(p, e.sum(b, p, now))
	}
	e.rouseBy(p, now, above)
}

// rouseBy is rouse with the comparison made. mu is held.
func (e *entry) rouseBy(p *plan, now instant, above bool) {
	if above {
		e.busy = now
	}
	if !e.awake && (above || p.activation == 0) {
		e.awake = true
		e.signal()
	}
}
