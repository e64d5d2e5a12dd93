package demand

import (
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand/counter"
	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/replica"
)

// exchange is the registry as package replica sees it.
type exchange struct{ registry *Registry }

// Now implements replica.Local.
func (x exchange) Now() instant.Time { return x.registry.now() }

// Proxies implements replica.Local.
func (x exchange) Proxies() (all []replica.Proxy) {
	for _, p := range x.registry.allProxies() {
		all = append(all, p)
	}
	return all
}

// Keys implements replica.Local.
func (x exchange) Keys() (all []replica.Key) {
	for _, s := range x.registry.allSeries() {
		all = append(all, s)
	}
	return all
}

// Past implements replica.Local.
func (x exchange) Past(now instant.Time) *replica.Past {
	r, told := x.registry, &replica.Past{}
	for _, g := range r.allGateways() {
		if g.coverage(r, now).AsOf != instant.Never {
			watched := replica.AgeOf(instant.Time(g.began.Load()), now)
			told.Gateways = append(told.Gateways, replica.GatewayPast{Gateway: g.key, Watched: watched})
		}
	}
	for _, s := range r.allSeries() {
		if past, any := s.past(now); any {
			told.Keys = append(told.Keys, past)
		}
	}
	return told
}

// past returns what is known about the past of the key; false: nothing.
func (s *series) past(now instant.Time) (past replica.KeyPast, any bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	past = replica.KeyPast{
		Key: s.key, Arrived: replica.AgeOf(s.activity.Arrived, now),
		Busy: replica.AgeOf(s.activity.Exceeded, now), Began: replica.AgeOf(s.began, now),
	}
	z := s.settings.Load()
	for _, w := range s.windows {
		if history, any := w.History(&z.sizes, now); any {
			past.Rates = append(past.Rates, replica.RatePastOf(w.gateway.key, history, now))
		}
	}
	return past, past.Arrived != replica.Never || past.Busy != replica.Never || past.Began != replica.Never
}

// Connected implements replica.Target.
func (x exchange) Connected(name string) { x.registry.peer(name).lost.Store(int64(instant.Never)) }

// Disconnected implements replica.Target.
func (x exchange) Disconnected(name string, now instant.Time) {
	x.registry.peer(name).lost.CompareAndSwap(int64(instant.Never), int64(now))
}

// Gaps implements replica.Target.
func (x exchange) Gaps(told *replica.Past, now instant.Time) replica.Gaps {
	gaps := replica.Gaps{}
	for _, past := range told.Gateways {
		g := x.registry.gateway(past.Gateway)
		gaps[g.key] = instant.Time(g.began.Load())
		if len(*g.proxies.Load()) == 0 {
			gaps[g.key] = now
		}
	}
	return gaps
}

// MergeProxy implements replica.Target.
func (x exchange) MergeProxy(name string, told *replica.ProxyDelta, now instant.Time) replica.Proxy {
	r, from := x.registry, x.registry.peer(name)
	p := r.lockedProxy(Proxy{Gateway: told.Gateway, Node: told.Node})
	if p == nil {
		return nil
	}
	defer p.mu.Unlock()
	o := counter.Observation{At: told.Age.At(now), Time: told.Time, Uptime: told.Uptime, Started: told.Started, Gone: told.Gone != nil}
	switch state := p.state.Load(); {
	case state.Stale(o, state.reportedBy == from, r.timing):
		r.metrics.stale.Inc()
	case state.Same(o):
		// Only the end of its stream can be new.
	default:
		r.metrics.fromReplicas.Inc()
		st := p.begin(r, o)
		for _, c := range told.Counts {
			if key, ok := scaler.ParseKey(c.Key); ok {
				p.take(&st, key, Counts{Requests: c.Requests, Retries: c.Retries, Active: c.Active}, c.Work.Counted())
			}
		}
		p.takeAbsent(&st, false)
		p.end(&st, o, from)
	}
	if told.Gone != nil && p.state.Load().reportedBy == from {
		p.leave(told.Gone.At(now))
	}
	return p
}

// MergePast implements replica.Target.
func (x exchange) MergePast(told *replica.Past, gaps replica.Gaps, now instant.Time) {
	for _, past := range told.Gateways {
		g := x.registry.gateway(past.Gateway)
		if gaps[g.key] == instant.Never {
			continue
		}
		g.watchedSince(past.Watched.At(now))
		for _, p := range *g.proxies.Load() {
			p.mu.Lock()
			p.change(p.state.Load().KnownBefore())
			p.mu.Unlock()
		}
	}
	for i := range told.Keys {
		x.mergeKey(&told.Keys[i], gaps, now)
	}
}

func (x exchange) mergeKey(told *replica.KeyPast, gaps replica.Gaps, now instant.Time) {
	s := x.registry.lockedSeries(told.Key)
	defer s.mu.Unlock()
	s.activity.Arrived = max(s.activity.Arrived, told.Arrived.At(now))
	s.activity.Exceeded = max(s.activity.Exceeded, told.Busy.At(now))
	s.began = min(s.began, told.Began.At(now))
	z := s.settings.Load()
	for i := range told.Rates {
		rates := &told.Rates[i]
		gap := gaps[rates.Gateway]
		history, valid := rates.History(now)
		if gap == instant.Never || !valid {
			continue
		}
		if w := s.window(z, x.registry.gateway(rates.Gateway)); w != nil {
			w.Adopt(&history, gap, now)
		}
	}
}

// MergeHolding implements replica.Target.
func (x exchange) MergeHolding(name string, told replica.HoldingDelta, now instant.Time) replica.Key {
	s := x.registry.lockedSeries(told.Key)
	defer s.mu.Unlock()
	at := told.Last.At(now)
	arrived := at > s.activity.Arrived
	s.activity.Arrived = max(s.activity.Arrived, at)
	from := x.registry.peer(name)
	s.holdElsewhere(from, now, max(told.Held, 0), arrived)
	s.waits.merge(from, told.Waits, now)
	return s
}

var _ replica.Target = exchange{}
