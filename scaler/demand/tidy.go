package demand

import (
	"time"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
)

const (
	// tidyInterval is how often the registry drops what does not count any more.
	tidyInterval = time.Second
	// keepCounts is how long a proxy that is gone may come back and be counted on from where
	// it was.
	keepCounts = 10 * time.Minute
)

// tidy is one round of Run.
func (r *Registry) tidy() {
	now := r.now()
	for _, g := range r.allGateways() {
		if g.coverage(r, now).Due {
			r.dropSilent(g, now)
		}
		r.forget(g, now)
	}
	for _, s := range r.allSeries() {
		r.tidySeries(s, now)
	}
	r.peers.Range(func(name, value any) bool {
		if lost := instant.Time(value.(*peer).lost.Load()); lost != instant.Never && now-lost > instant.Time(keepCounts) {
			r.peers.Delete(name)
		}
		return true
	})
}

// tidySeries drops what does not count any more of one key, and the key when nothing leads to
// it.
func (r *Registry) tidySeries(s *series, now instant.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	s.trim(now)
	if s.awake {
		_, _ = s.read(r, now) // so that it is noticed when it becomes active again
	}
	if s.unused() && !s.removed {
		s.removed = true
		r.series.Delete(s.key)
	}
}

// dropSilent drops the requests in flight of proxies that are gone. It is not called while the
// last numbers of the gateway count.
func (r *Registry) dropSilent(g *gatewayCounters, now instant.Time) {
	for _, p := range *g.proxies.Load() {
		if p.state.Load().Due(now, r.timing) {
			p.drop(r, now)
		}
	}
}

// forget removes proxies that will not come back.
func (r *Registry) forget(g *gatewayCounters, now instant.Time) {
	for _, p := range *g.proxies.Load() {
		if state := p.state.Load(); state.Dropped && now-state.Last > instant.Time(keepCounts) {
			p.forget(now)
		}
	}
}
