package demand

import (
	"math"
	"time"
)

// pastNews returns what this registry knows about the past.
func (b *Registry) pastNews(now instant) *PastNews {
	told := &PastNews{}
	for _, g := range b.allGateways() {
		if s := g.sight(b, now); s.asOf == never {
			continue
		}
		g.mu.RLock()
		told.Gateways = append(told.Gateways, GatewayPast{Gateway: g.key, Watched: age(g.began, now)})
		g.mu.RUnlock()
	}
	for _, e := range b.allEntries() {
		e.mu.Lock()
		said := KeyPast{Key: e.key, Arrived: age(e.arrived, now), Busy: age(e.busy, now), Began: age(e.began, now)}
		for _, l := range e.lanes {
			if rates, any := l.past(e.plan.Load(), now); any {
				said.Rates = append(said.Rates, rates)
			}
		}
		e.mu.Unlock()
		if said.Arrived != unaged || said.Busy != unaged || said.Began != unaged {
			told.Keys = append(told.Keys, said)
		}
	}
	return told
}

// past returns the requests of the window.
func (l *lane) past(p *plan, now instant) (told RatePast, any bool) {
	if l.arrived == never || now-l.arrived >= p.window || l.requests.sums == nil {
		return told, false
	}
	r := &l.requests
	told = RatePast{
		Gateway: l.gateway.key, First: age(l.first, now), Width: int64(r.width / instant(time.Millisecond)),
		End: Age((now - instant(r.newest+1)*r.width) / instant(time.Millisecond)),
	}
	for i := max(r.newest-r.size+1, 0); i <= r.newest; i++ {
		if amount := r.sums[i%r.size]; amount > 0 || told.Requests != nil {
			told.Requests = append(told.Requests, math.Round(amount*1000)/1000)
		}
	}
	return told, true
}
