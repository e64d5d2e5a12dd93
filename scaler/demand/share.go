package demand

import (
	"slices"
	"strings"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

// Share is what this replica contributes to the demand of one trigger: over all replicas the shares add up to the
// whole, and no request is in two of them. Reading is the whole, as each replica knows it.
type Share struct {
	// Scaler is the trigger in force.
	Scaler *scaler.Scaler
	// Requests arrived, first attempts only, as far as proxies reported them to this replica. It never falls while the
	// trigger is in force.
	Requests uint64
	// InFlight requests are in proxies that report to this replica. They are known when Reported is true.
	InFlight uint64
	// Reported: a proxy that counts for the trigger reports to this replica.
	Reported bool
	// Held requests wait at this replica.
	Held int
	// Work: the trigger scales by the work of its requests. Tokens are those that answers said, as far as proxies reported them to this
	// replica; they never fall while that is so.
	Work   bool
	Tokens window.Tokens
	// Known and Active are of the whole, as this replica knows it: see Reading. Active is false while it is not known.
	Known, Active bool
}

// Shares returns those of the triggers in force, sorted by key. Each proxy that reports here is locked once, for as long as
// it takes to copy what is in flight.
func (r *Registry) Shares() []Share {
	now := r.now()
	inFlight := map[*series]uint64{}
	reported := map[*gatewayCounters]bool{}
	for _, p := range r.allProxies() {
		if p.addInFlight(inFlight, now, r) {
			reported[p.gateway] = true
		}
	}
	all := r.allSeries()
	slices.SortFunc(all, func(a, b *series) int { return strings.Compare(a.text, b.text) })
	shares := make([]Share, 0, len(all))
	for _, s := range all {
		if share, ok := s.share(r, now); ok {
			share.InFlight = inFlight[s]
			share.Reported = slices.ContainsFunc(s.settings.Load().gateways, func(g *gatewayCounters) bool { return reported[g] })
			shares = append(shares, share)
		}
	}
	return shares
}

// share returns what the series knows of itself; false: no trigger is in force.
func (s *series) share(r *Registry, now instant.Time) (Share, bool) {
	z := s.settings.Load()
	if z.scaler == nil {
		return Share{}, false
	}
	r.freshen(z, now)
	s.mu.Lock()
	defer s.mu.Unlock()
	read, err := s.read(r, now)
	known := err == nil && read.Unknown == nil
	return Share{
		Scaler: z.scaler, Requests: s.own, Work: s.work != nil, Tokens: s.ownTokens, Held: s.holds.own.Held, Known: known, Active: read.Active,
	}, true
}

// addInFlight adds what the proxy has in flight to the keys that its gateway counts for; false: it does not report to this
// replica, or its last report does not count any more.
func (p *proxyCounters) addInFlight(to map[*series]uint64, now instant.Time, r *Registry) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := p.state.Load()
	if p.removed || !state.Known || state.reportedBy != nil || state.Dropped || state.Due(now, r.timing) {
		return false
	}
	for _, c := range p.busy {
		if c.Counts.Active > 0 && c.series.settings.Load().counts(p.gateway) {
			to[c.series] += c.Counts.Active
		}
	}
	return true
}
