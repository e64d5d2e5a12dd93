package demand

import (
	"sync/atomic"
	"time"
)

// peer is another replica.
type peer struct {
	name string
	// lost is when its stream ended; never: it is open.
	lost atomic.Int64
}

// expired reports whether what the peer held does not count any more, and since when.
func (p *peer) expired(now instant) (at instant, expired bool) {
	lost := instant(p.lost.Load())
	at = lost + instant(keepHeld)
	return at, lost != never && now >= at
}

func (b *Registry) peer(name string) *peer {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.peers[name]
	if p == nil {
		p = &peer{name: name}
		b.peers[name] = p
	}
	return p
}

// Merge takes what another replica tells. What one replica tells is to be handed over in the
// order in which it was taken from its Follower.
func (b *Registry) Merge(replica string, news News) {
	from := b.peer(replica)
	from.lost.Store(int64(never))
	now := b.now()
	cuts := b.cuts(news.Past, now)
	told := map[*proxy]struct{}{}
	for i := range news.Proxies {
		told[b.mergeProxy(from, &news.Proxies[i], now)] = struct{}{}
	}
	if news.Past != nil {
		b.mergePast(news.Past, cuts, now)
	}
	held := map[*entry]struct{}{}
	for _, said := range news.Holding {
		e := b.locked(said.Key)
		at := said.Last.at(now)
		arrived := at > e.arrived
		e.arrived = max(e.arrived, at)
		e.holdElsewhere(from, now, max(said.Held, 0), arrived)
		e.mu.Unlock()
		held[e] = struct{}{}
	}
	if news.All {
		b.silenced(from, func(p *proxy) bool { _, ok := told[p]; return ok }, now)
		b.released(from, func(e *entry) bool { _, ok := held[e]; return ok }, now)
	}
}

// Lost says that the stream of a replica ended. Its proxies are gone until they are heard
// again, here or there. What it holds counts for a moment, see keepHeld.
func (b *Registry) Lost(replica string) {
	from := b.peer(replica)
	now := b.now()
	from.lost.CompareAndSwap(int64(never), int64(now))
	b.silenced(from, func(*proxy) bool { return false }, now)
}

// silenced makes proxies gone that a replica was the last to hear, but for some.
func (b *Registry) silenced(from *peer, but func(*proxy) bool, now instant) {
	for _, g := range b.allGateways() {
		for _, p := range g.all() {
			p.mu.Lock()
			if p.ear == from && !but(p) {
				p.leave(now)
			}
			p.mu.Unlock()
		}
	}
}

// released drops what a replica held, but for some keys.
func (b *Registry) released(from *peer, but func(*entry) bool, now instant) {
	for _, e := range b.allEntries() {
		if but(e) {
			continue
		}
		e.mu.Lock()
		e.holdElsewhere(from, now, 0, false)
		e.mu.Unlock()
	}
}

// mergeProxy takes the newest report of a proxy that another replica hears.
func (b *Registry) mergeProxy(from *peer, said *ProxyNews, now instant) *proxy {
	p := b.proxy(Proxy{Gateway: said.Gateway, Node: said.Node})
	defer p.mu.Unlock()
	s := sighting{time: said.Time, uptime: said.Uptime, started: said.Started, gone: said.Gone != nil, at: said.Age.at(now)}
	switch {
	case p.stale(b, s, from):
		b.metrics.stale.Inc()
	case p.heardBefore && s.time == p.time && s.uptime == p.uptime:
		// Heard before; only the end of its stream can be news.
	default:
		b.metrics.reports.WithLabelValues("replica").Inc()
		st := p.begin(b, s)
		for _, c := range said.Counts {
			p.take(&st, keyOf(c.Key), Counts{Requests: c.Requests, Retries: c.Retries, Active: c.Active})
		}
		p.others(&st, false)
		p.end(&st, s, from)
	}
	if said.Gone != nil && p.ear == from {
		p.leave(said.Gone.at(now))
	}
	return p
}

// cuts returns, for each gateway whose past is told, up to when this registry knows nothing of
// it itself; never: it knows enough.
func (b *Registry) cuts(told *PastNews, now instant) map[*gateway]instant {
	cuts := map[*gateway]instant{}
	if told == nil {
		return cuts
	}
	for _, said := range told.Gateways {
		g := b.gateway(said.Gateway)
		g.mu.RLock()
		cuts[g] = g.began
		if len(g.proxies) == 0 {
			cuts[g] = now
		}
		g.mu.RUnlock()
	}
	return cuts
}

// mergePast takes the past that this registry has not seen itself.
func (b *Registry) mergePast(told *PastNews, cuts map[*gateway]instant, now instant) {
	for _, said := range told.Gateways {
		g := b.gateway(said.Gateway)
		if cuts[g] == never {
			continue
		}
		g.mu.Lock()
		g.began = min(g.began, said.Watched.at(now))
		g.mu.Unlock()
		for _, p := range g.all() {
			p.mu.Lock()
			g.mu.Lock()
			p.since, p.measured = never, true
			g.mu.Unlock()
			p.mu.Unlock()
		}
	}
	for i := range told.Keys {
		b.mergeKey(&told.Keys[i], cuts, now)
	}
}

func (b *Registry) mergeKey(said *KeyPast, cuts map[*gateway]instant, now instant) {
	gateways := make([]*gateway, len(said.Rates))
	for i := range said.Rates {
		gateways[i] = b.gateway(said.Rates[i].Gateway)
	}
	e := b.locked(said.Key)
	defer e.mu.Unlock()
	e.arrived = max(e.arrived, said.Arrived.at(now))
	e.busy = max(e.busy, said.Busy.at(now))
	e.began = min(e.began, said.Began.at(now))
	p := e.plan.Load()
	for i, g := range gateways {
		if cut := cuts[g]; cut != never && said.Rates[i].good() {
			if l := e.lane(p, g); l != nil {
				l.adopt(&said.Rates[i], cut, now)
			}
		}
	}
}

// maxAmount is far more requests than there can be in a bucket.
const maxAmount = 1e12

// good reports whether the numbers are such that they can be counted with.
func (r *RatePast) good() bool {
	const day = int64(24 * time.Hour / time.Millisecond)
	return r.Width > 0 && r.Width <= day && int64(r.End) <= day && int64(r.End) >= -day
}

// adopt adds the requests of another replica's past up to a moment.
func (l *lane) adopt(told *RatePast, cut, now instant) {
	width := instant(told.Width) * instant(time.Millisecond)
	to := min(now-instant(told.End)*instant(time.Millisecond), now+width)
	for i := len(told.Requests) - 1; i >= 0; i-- {
		from, amount := to-width, told.Requests[i]
		if from <= never {
			break
		}
		if end := min(to, cut); end > from && amount > 0 && amount < maxAmount {
			l.requests.add(from, end, amount*float64(end-from)/float64(width))
			l.arrived = max(l.arrived, end)
		}
		to = from
	}
	reach := instant(max(l.requests.newest-l.requests.size+1, 0)) * l.requests.width
	if first := max(told.First.at(now), reach); l.first == never || first < l.first {
		l.first = first
	}
}
