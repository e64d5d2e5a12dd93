package demand

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// proxy is what one Envoy has said so far, here or at another replica.
type proxy struct {
	Proxy
	gateway *gateway

	// mu is held while what the proxy says is taken in.
	mu      sync.Mutex
	cells   map[types.NamespacedName]*cell
	busy    []*cell // with a rate or with requests in flight
	present int     // cells that are in the newest message
	steps   uint64
	removed bool // from the gateway

	// Written with mu and gateway.mu held, so either is enough to read.
	heardBefore bool
	last        instant // when it reported
	gone        instant // when its stream ended; never: it is open
	since       instant // its requests are counted from then on; never: from its start
	measured    bool    // there is an interval between two reports
	dropped     bool    // its requests in flight do not count any more
	ear         *peer   // the replica that hears it; nil: this one
	time        int64   // when it counted, in ms on its own clock
	uptime      time.Duration
	started     bool
}

// cell is one key in one proxy.
type cell struct {
	entry   *entry
	counts  Counts
	counted uint64 // of first attempts: retries that wait let those dip
	rate    float64
	changed uint64 // the step that changed counts last
	step    uint64 // the one that touched it last
	present bool
	listed  bool // in busy
}

// sighting is the head of a message of a proxy.
type sighting struct {
	time    int64
	uptime  time.Duration
	started bool
	gone    bool // and its stream has ended
	at      instant
}

// step is one message being taken in: it says what happened after from, up to at.
type step struct {
	registry *Registry
	from, at instant
	baseline bool // the counts say nothing about when they were counted
	number   uint64
	seen     int // cells that the message has
}

func (p *proxy) heard(b *Registry, now instant) bool {
	return p.heardBefore && p.gone == never && now-p.last <= b.silence()
}

// deadline is when the requests in flight are to be dropped, if nothing is heard until then.
func (p *proxy) deadline(b *Registry) instant {
	if p.gone != never {
		return p.gone + instant(keepActive)
	}
	return p.last + b.silence() + instant(keepActive)
}

// stale reports whether a message, which was received here (nil) or by a peer, is older than
// one that another replica received. Messages that one replica received are in order.
//
// Time decides. When the clock of the proxy was put back, whoever hears it is believed once
// nobody else has heard it for a while.
func (p *proxy) stale(b *Registry, s sighting, from *peer) bool {
	if !p.heardBefore || p.ear == from || s.time >= p.time {
		return false
	}
	return s.gone || s.at-max(p.last, p.gone) <= b.silence()
}

// restarted reports whether the message is of another process than the one before.
func (p *proxy) restarted(s sighting) bool {
	if s.uptime < p.uptime && (s.uptime > 0 || s.started) {
		return true
	}
	return p.heardBefore && s.uptime == 0 && s.started && !p.started
}

// begin starts to take a message in. mu is held.
func (p *proxy) begin(b *Registry, s sighting) step {
	p.steps++
	st := step{registry: b, from: p.last, at: max(s.at, p.last+1), number: p.steps}
	lived := instant(max(s.uptime, b.options.Flush))
	switch {
	case p.restarted(s):
		p.zero()
		st.from = max(st.from, st.at-lived)
	case p.heardBefore:
	case s.started && s.at >= b.began, s.uptime > 0 && instant(s.uptime+time.Second) <= st.at-b.began:
		// It is younger than this registry, or as old: nothing that it counted was counted before.
		st.from = max(st.at-lived, never+1)
	default:
		st.from, st.baseline = st.at, true
	}
	return st
}

// zero is what a new process begins with.
func (p *proxy) zero() {
	for _, c := range p.cells {
		c.counts.Requests, c.counts.Retries, c.counted = 0, 0, 0
	}
}

// take takes the counts of one key.
func (p *proxy) take(st *step, key types.NamespacedName, counts Counts) {
	c := p.cells[key]
	if c == nil {
		c = &cell{entry: st.registry.refer(key)}
		p.cells[c.entry.key] = c
	}
	if c.step != st.number {
		c.step = st.number
		st.seen++
	}
	if !c.present {
		c.present = true
		p.present++
	}
	p.count(st, c, counts)
}

func (p *proxy) count(st *step, c *cell, counts Counts) {
	last := c.counts
	if counts != last {
		c.counts, c.changed = counts, st.number
	}
	delta, first := uint64(0), counts.first()
	switch {
	case st.baseline:
		if c.counted = first; first > 0 {
			c.entry.baseline(st.at)
		}
	case counts.began(last):
		delta, c.counted = first, first
	case first > c.counted:
		delta, c.counted = first-c.counted, first
	}
	if delta == 0 && counts.Active == 0 && last.Active == 0 && c.rate == 0 {
		return
	}
	c.rate = 0
	if delta > 0 {
		c.rate = float64(delta) / (st.at - st.from).seconds()
	}
	c.entry.take(st, p, c, delta)
	if !c.listed && (c.rate != 0 || counts.Active != 0) {
		c.listed = true
		p.busy = append(p.busy, c)
	}
}

// others takes the keys that a message left out. Those of a whole message are gone from the
// proxy; those of a message with changes only are what they were.
func (p *proxy) others(st *step, whole bool) {
	if whole && st.seen < p.present {
		for _, c := range p.cells {
			if c.present && c.step != st.number {
				c.present = false
				p.present--
				p.count(st, c, Counts{})
			}
		}
	}
	kept := p.busy[:0]
	for _, c := range p.busy {
		if c.step != st.number && c.present {
			p.count(st, c, c.counts)
		}
		if c.listed = c.rate != 0 || c.counts.Active != 0; c.listed {
			kept = append(kept, c)
		}
	}
	clear(p.busy[len(kept):])
	p.busy = kept
}

// end notes that a message was taken in.
func (p *proxy) end(st *step, s sighting, ear *peer) {
	p.gateway.mu.Lock()
	defer p.gateway.mu.Unlock()
	switch {
	case st.baseline:
		p.since = st.at
		if p.gateway.began == never {
			p.gateway.began = st.at
		}
	default:
		p.measured = true
	}
	p.heardBefore, p.dropped, p.gone = true, false, never
	p.last, p.time, p.uptime, p.started, p.ear = st.at, s.time, s.uptime, s.started, ear
}

// leave notes that the stream of the proxy ended.
func (p *proxy) leave(at instant) {
	p.gateway.mu.Lock()
	defer p.gateway.mu.Unlock()
	if p.gone == never {
		p.gone = max(at, p.last)
	}
}

// drop ends the requests in flight of a proxy that is gone.
func (p *proxy) drop(b *Registry, now instant) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dropped || p.deadline(b) > now {
		return
	}
	at := p.deadline(b)
	for _, c := range p.busy { // stays as it is: the proxy may come back
		c.rate = 0
		c.entry.lose(p, at)
	}
	p.gateway.mu.Lock()
	p.dropped = true
	p.gateway.mu.Unlock()
}

// release lets go of the keys of a proxy that was removed from its gateway.
func (p *proxy) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.removed = true
	for _, c := range p.cells {
		c.entry.refs.Add(-1)
	}
	p.cells = nil
}
