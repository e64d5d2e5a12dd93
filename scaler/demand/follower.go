package demand

import (
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// tellInterval is the shortest time between two messages about counts to one replica. That
// requests begin or cease to be held is told at once.
const tellInterval = 250 * time.Millisecond

// Follower is another replica that is told what this one hears and holds. It keeps only
// names: a slow one skips states, and costs no memory.
type Follower struct {
	registry *Registry
	wake     chan struct{}

	mu      sync.Mutex
	all     bool                // nothing was told yet
	proxies map[*proxy]struct{} // due
	entries map[*entry]struct{} // due
	steps   map[*proxy]uint64   // that it was told of
	last    instant             // when something was taken
	timer   clock.Timer         // it will be woken; nil: nothing is due that can wait
	left    bool
}

// Follow returns a follower to whom everything is due. Leave is to be called.
func (b *Registry) Follow() *Follower {
	f := &Follower{
		registry: b, wake: make(chan struct{}, 1), all: true,
		proxies: map[*proxy]struct{}{}, entries: map[*entry]struct{}{}, steps: map[*proxy]uint64{},
	}
	f.wake <- struct{}{}
	b.following.Lock()
	defer b.following.Unlock()
	all := append(slices.Clone(*b.followers.Load()), f)
	b.followers.Store(&all)
	return f
}

// Leave ends it.
func (f *Follower) Leave() {
	b := f.registry
	b.following.Lock()
	all := slices.DeleteFunc(slices.Clone(*b.followers.Load()), func(other *Follower) bool { return other == f })
	b.followers.Store(&all)
	b.following.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = true
	if f.timer != nil {
		f.timer.Stop()
	}
}

// Wake gets a value when something is due.
func (f *Follower) Wake() <-chan struct{} { return f.wake }

// tellProxy makes a proxy that this replica hears due for all followers.
func (b *Registry) tellProxy(p *proxy, atOnce bool) {
	for _, f := range *b.followers.Load() {
		f.mu.Lock()
		f.proxies[p] = struct{}{}
		f.due(atOnce)
		f.mu.Unlock()
	}
}

// tellHolding makes what this replica holds for a key due for all followers.
func (b *Registry) tellHolding(e *entry, atOnce bool) {
	for _, f := range *b.followers.Load() {
		f.mu.Lock()
		f.entries[e] = struct{}{}
		f.due(atOnce)
		f.mu.Unlock()
	}
}

// due wakes the follower, now or when the interval is over. mu is held.
func (f *Follower) due(atOnce bool) {
	if f.timer != nil && !atOnce || f.left {
		return
	}
	rest := time.Duration(f.last + instant(tellInterval) - f.registry.now())
	if atOnce || rest <= 0 {
		f.rouse()
		return
	}
	f.timer = f.registry.options.Clock.AfterFunc(rest, f.rouse)
}

func (f *Follower) rouse() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Take returns what is due. It blocks for no longer than it takes to copy.
func (f *Follower) Take() News {
	b := f.registry
	f.mu.Lock()
	now := b.now()
	proxies, entries, all := f.proxies, f.entries, f.all
	f.proxies, f.entries, f.all, f.last = map[*proxy]struct{}{}, map[*entry]struct{}{}, false, now
	if f.timer != nil {
		f.timer.Stop()
		f.timer = nil
	}
	f.mu.Unlock()
	news := News{All: all}
	if all {
		proxies, entries = b.everything()
		news.Past = b.pastNews(now)
	}
	for p := range proxies {
		if said, ok := f.proxyNews(p, all); ok {
			news.Proxies = append(news.Proxies, said)
		}
	}
	for e := range entries {
		e.mu.Lock()
		if e.own.Held > 0 || !all {
			news.Holding = append(news.Holding, HoldingNews{Key: e.key, Held: e.own.Held, Last: age(e.ownLast, now)})
		}
		e.mu.Unlock()
	}
	return news
}

// everything returns all proxies and entries.
func (b *Registry) everything() (map[*proxy]struct{}, map[*entry]struct{}) {
	proxies, entries := map[*proxy]struct{}{}, map[*entry]struct{}{}
	for _, g := range b.allGateways() {
		for _, p := range g.all() {
			proxies[p] = struct{}{}
		}
	}
	for _, e := range b.allEntries() {
		entries[e] = struct{}{}
	}
	return proxies, entries
}

// proxyNews returns what a proxy has said here. One that another replica hears is left to it,
// unless both are gone: then nobody else may know where its counters were.
func (f *Follower) proxyNews(p *proxy, all bool) (ProxyNews, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.removed {
		f.mu.Lock()
		delete(f.steps, p)
		f.mu.Unlock()
		return ProxyNews{}, false
	}
	if !p.heardBefore || p.ear != nil && (p.gone == never || !all) {
		return ProxyNews{}, false
	}
	now := f.registry.now()
	news := ProxyNews{Gateway: p.Gateway, Node: p.Node, Time: p.time, Age: age(p.last, now), Uptime: p.uptime, Started: p.started}
	if p.gone != never {
		gone := age(p.gone, now)
		news.Gone = &gone
	}
	f.mu.Lock()
	since := f.steps[p]
	f.steps[p] = p.steps
	f.mu.Unlock()
	for _, c := range p.cells {
		if c.changed > since {
			news.Counts = append(news.Counts, KeyCounts{
				Key: c.entry.text, Requests: c.counts.Requests, Retries: c.counts.Retries, Active: c.counts.Active,
			})
		}
	}
	return news, true
}
