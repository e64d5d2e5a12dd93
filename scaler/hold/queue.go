package hold

import (
	"time"
)

// verdict is the answer to a request.
type verdict uint8

const (
	elsewhere verdict = iota // the backend is not this one any more
	goOn
	mustWait
)

// caller is a request as far as the queue knows it.
type caller struct {
	node  string
	probe bool
}

// enter decides about a request that just came. look: somebody should look whether the backend
// is still to be asked about.
func (b *backend) enter(c caller) (v verdict, look bool) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return elsewhere, false
	case !b.goes(c.node):
		return mustWait, false
	}
	return goOn, b.answered(c.probe, now)
}

// goes reports whether a request of a proxy goes on at once. Nobody overtakes. mu is held.
func (b *backend) goes(node string) bool { return b.lanes[node] == nil && b.may(node) }

// may reports whether a proxy is known to have endpoints that are in use. Where nobody is to
// wait nobody does, unless another replica may know better what the backend is. mu is held.
func (b *backend) may(node string) bool {
	ready, connected := b.nodes[node]
	switch {
	case b.free:
		return b.known || connected
	case node == "":
		return b.open && b.everyone
	default:
		return b.open && ready
	}
}

// answered notes that a request is told to go on. Until the proxy confirms that, the last
// endpoint may not go. mu is held.
func (b *backend) answered(probe bool, now time.Time) (look bool) {
	b.unconfirmed++
	if probe {
		return false
	}
	b.traffic.note(now)
	if !b.asked || now.Before(b.lookAt) || !b.traffic.enough(now, &b.options().Timing) {
		return false
	}
	b.lookAt = now.Add(b.options().Timing.DisarmAfter)
	return true
}

// queue has a request wait, or go on when that became possible. look: somebody should look at
// the proxies.
func (b *backend) queue(c caller, timeout time.Duration) (w *waiter, v verdict, look bool) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, elsewhere, false
	}
	if b.goes(c.node) {
		return nil, goOn, b.answered(c.probe, now)
	}
	l := b.lanes[c.node]
	if l == nil {
		l = &lane{}
		b.lanes[c.node] = l
		if look = !b.connected(c.node); look {
			l.lostAt = now
		}
	}
	b.serial++
	b.held++
	w = &waiter{backend: b, node: c.node, probe: c.probe, since: now, serial: b.serial, done: make(chan struct{})}
	w.place = l.queue.PushBack(w)
	w.timer = b.options().Clock.AfterFunc(timeout, func() { b.leave(w, expired) })
	return w, mustWait, look
}

// connected reports whether the proxy of a lane has a stream here. mu is held.
func (b *backend) connected(node string) bool {
	_, connected := b.nodes[node]
	return connected || node == "" && len(b.nodes) > 0
}

// leave ends a wait, unless it is over. It returns the fate.
func (b *backend) leave(w *waiter, f fate) fate {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w.fate == waiting {
		b.take(w)
		w.decide(f)
	}
	return w.fate
}

// take takes a request out of its queue. mu is held.
func (b *backend) take(w *waiter) {
	l := b.lanes[w.node]
	l.queue.Remove(w.place)
	b.held--
	if l.queue.Len() == 0 {
		delete(b.lanes, w.node)
	}
}

// clear decides about everybody in a lane. mu is held.
func (b *backend) clear(node string, f fate) {
	l := b.lanes[node]
	for l != nil && l.queue.Len() > 0 {
		w := l.head()
		b.take(w)
		w.decide(f)
	}
}

// first returns the oldest request that may go on; nil: none may. mu is held.
func (b *backend) first() *waiter {
	var oldest *waiter
	for node, l := range b.lanes {
		if w := l.head(); (oldest == nil || w.serial < oldest.serial) && b.may(node) {
			oldest = w
		}
	}
	return oldest
}

// release lets requests go in the order they came, as many as the pace allows, and returns when
// the next may go; zero: none waits that could. begin: the pace may begin. mu is held.
func (b *backend) release(now time.Time, begin bool) (next time.Time) {
	w := b.first()
	if w == nil {
		b.pace.end()
		return time.Time{}
	}
	if begin {
		b.pace.tick(now, b.options().Timing.Pace)
	}
	for ; w != nil; w = b.first() {
		if !b.free && !b.pace.take() {
			return b.pace.nextAt
		}
		b.take(w)
		b.answered(w.probe, now)
		w.decide(released)
	}
	b.pace.end()
	return time.Time{}
}

// confirm notes that the proxy has read an answer, or will never read it.
func (b *backend) confirm() {
	now := b.now()
	b.mu.Lock()
	b.unconfirmed--
	if b.pace.confirmed() {
		b.release(now, false)
	}
	last := b.draining && b.unconfirmed == 0
	b.draining = b.draining && !last
	b.mu.Unlock()
	if last {
		b.stepLater()
	}
}
