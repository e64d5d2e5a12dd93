package hold

import (
	"time"

	"github.com/kedify/inference-gateway/xds/ir"

	"github.com/kedify/inference-gateway/xds/publish"
)

// refresh looks at what proxies have, lets go who may go, in the critical section that says so,
// and sets the timer. It ends every change.
func (b *backend) refresh() {
	nodes, everyone := b.look()
	now := b.now()
	stocked := b.current != nil && !b.current.empty()
	open := stocked && b.gateway.ready
	if open && b.openAt.After(now) {
		open = false
		b.alarm(b.openAt)
	}
	window, load := b.paces()
	asked := b.armed && !b.pinned()
	b.mu.Lock()
	b.stocked, b.open, b.nodes, b.everyone, b.asked = stocked, open, nodes, everyone, asked
	b.free, b.known = b.gateway.ready && b.hold == nil, b.current != nil
	b.pace.set(b.endpoints(), window, load)
	if at := b.release(now, true); !at.IsZero() {
		b.alarm(at)
	}
	if at := b.bounceOrphans(now); !at.IsZero() {
		b.alarm(at)
	}
	if b.asked && b.open && b.traffic.enough(now, &b.options().Timing) {
		b.alarm(now.Add(b.options().Timing.DisarmAfter))
	}
	b.mu.Unlock()
	b.tidy(now)
	b.setTimer()
}

// look returns which connected proxies are known to have an endpoint that is in use, and
// whether all of them are, and there is one. What no proxy can have any more is forgotten.
func (b *backend) look() (nodes map[string]bool, everyone bool) {
	accepted := b.options().Publisher.Accepted(ir.Key(b.gateway.key), b.key())
	nodes, everyone = make(map[string]bool, len(accepted)), len(accepted) > 0
	for node, has := range accepted {
		nodes[node] = b.usable(has)
		everyone = everyone && nodes[node]
	}
	b.trim(accepted)
	return nodes, everyone
}

// usable reports whether whatever the proxy has by now, of all that it may have, contains an
// endpoint that is in use.
func (b *backend) usable(has publish.Possession) bool {
	if b.current == nil || b.current.empty() || !b.useful(has.Accepted) {
		return false
	}
	for _, pending := range has.Pending {
		if !b.useful(pending) {
			return false
		}
	}
	return true
}

func (b *backend) useful(version string) bool {
	for i := range b.history {
		if b.history[i].resource.Version == version {
			return b.history[i].meets(b.current)
		}
	}
	return false
}

// trim forgets versions that no proxy has or will get.
func (b *backend) trim(accepted map[string]publish.Possession) {
	if len(b.history) < 2 {
		return
	}
	alive := map[string]bool{b.told.resource.Version: true}
	for _, has := range accepted {
		alive[has.Accepted] = true
		for _, pending := range has.Pending {
			alive[pending] = true
		}
	}
	kept := b.history[:0]
	for i := range b.history {
		version := b.history[i].resource.Version
		if alive[version] {
			kept = append(kept, b.history[i])
			alive[version] = false // once
		}
	}
	clear(b.history[len(kept):])
	b.history = kept
}

func (b *backend) endpoints() int {
	if b.current == nil {
		return 0
	}
	return len(b.current.addresses)
}

// bounceOrphans sends requests to another replica whose proxy is not connected to this one for
// too long, and returns when that will be due for others. mu is held.
func (b *backend) bounceOrphans(now time.Time) (next time.Time) {
	if !b.gateway.ready {
		return time.Time{}
	}
	for node, l := range b.lanes {
		if b.connected(node) {
			l.lostAt = time.Time{}
			continue
		}
		if l.lostAt.IsZero() {
			l.lostAt = now
		}
		until := l.lostAt.Add(b.options().Timing.OrphanWait)
		if !until.After(now) {
			b.clear(node, bounced)
			continue
		}
		if next.IsZero() || until.Before(next) {
			next = until
		}
	}
	return next
}
