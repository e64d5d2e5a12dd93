package demand

import (
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// ErrUnknown says that the numbers of a key are not known. They are not zero.
var ErrUnknown = errors.New("the demand is unknown")

// Reading is the demand of one key over all proxies and replicas.
type Reading struct {
	// Rate is requests per second, first attempts only, over the window of the trigger, or
	// over the part of it since the first request after a window without any.
	Rate float64
	// Concurrency is requests in flight and held: their time-weighted average over the
	// window, at most the last 15 s of it, or what the trigger's aggregation asks for.
	Concurrency float64
	// Held requests wait for an endpoint. InFlight includes them. One that is released is in
	// neither until the next report of its proxy.
	Held     int
	InFlight uint64
	// LastArrival is when a request is known to have arrived last; zero: none is.
	LastArrival time.Time
	// Requested is true when a request was ever counted or held, as far as is known: a proxy
	// that starts again forgets what it counted. It is set with ErrUnknown, too.
	Requested bool
	// Active follows the activation rule, see entry.active.
	Active bool
	// Settled is false while Active is false only as far as is known: proxies had counted
	// requests before this registry began, no replica says when those arrived, and the registry has
	// not watched for as long as an arrival keeps the workload active.
	Settled bool
	// LastGood: no proxy of a gateway is heard, and the numbers are the last that were known.
	LastGood bool
}

// Read returns the demand of a key, from memory. On ErrUnknown the reading has only what is
// known all the same: nothing is held, and when a request arrived last.
//
// While requests are held for a key it is always known: it is active, they are in Held,
// InFlight and Concurrency, and what proxies counted is as good as it can be.
func (b *Registry) Read(key types.NamespacedName) (Reading, error) {
	e := b.entry(key)
	if e == nil || e.plan.Load().scaler == nil {
		return Reading{}, fmt.Errorf("%w: no trigger %s is in force", ErrUnknown, key)
	}
	now := b.now()
	b.freshen(e.plan.Load(), now)
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.read(b, now)
}

// freshen settles gateways whose proxies are gone.
func (b *Registry) freshen(p *plan, now instant) {
	for _, g := range p.gateways {
		if g.sight(b, now).due {
			b.settle(g, now)
		}
	}
}

// read has mu.
func (e *entry) read(b *Registry, now instant) (Reading, error) {
	p := e.plan.Load()
	if p.scaler == nil {
		return Reading{}, fmt.Errorf("%w: no trigger %s is in force", ErrUnknown, e.key)
	}
	e.expire(now)
	r := e.sum(b, p, now)
	r.LastArrival = b.wall(e.arrived)
	r.Requested = r.Held > 0 || e.arrived != never || e.began != never
	r.Active = e.active(p, now, r)
	r.Settled = r.Active || e.began == never || now-e.began >= p.activity
	e.awake = r.Active
	if r.Held > 0 {
		return r, nil
	}
	if len(p.gateways) == 0 {
		return Reading{LastArrival: r.LastArrival, Requested: r.Requested}, fmt.Errorf("%w: %s is served by no gateway", ErrUnknown, e.key)
	}
	for _, g := range p.gateways {
		s := g.sight(b, now)
		if s.asOf == never {
			return Reading{LastArrival: r.LastArrival, Requested: r.Requested}, fmt.Errorf("%w: gateway %s: %s", ErrUnknown, g.key, s.why)
		}
		r.LastGood = r.LastGood || s.frozen
	}
	return r, nil
}

// sum adds up the lanes and what is held. mu is held.
func (e *entry) sum(b *Registry, p *plan, now instant) (r Reading) {
	floor := instant(b.floor())
	load := newProfile(p, now)
	for _, l := range e.lanes {
		asOf := now
		if s := l.gateway.sight(b, now); s.asOf != never {
			asOf = s.asOf
		}
		r.Rate += l.rate(p, floor, asOf)
		r.InFlight += l.inFlight()
		load.add(&l.load, asOf)
		for _, s := range l.shares {
			load.tail(float64(s.active), s.last, asOf)
		}
	}
	r.Held = e.held.value
	r.InFlight += uint64(max(r.Held, 0))
	load.add(&e.held.load, now)
	load.tail(float64(r.Held), e.held.last, now)
	switch p.aggregation {
	case instantaneous:
		r.Concurrency = float64(r.InFlight)
	case peak:
		r.Concurrency = load.peak()
	default:
		r.Concurrency = load.total() / max(min(p.loadWindow, now-e.loadedFrom), floor).seconds()
	}
	return r
}

// above reports whether a number exceeds the activation target.
func (e *entry) above(p *plan, r Reading) bool {
	return float64(r.InFlight) > p.activation || r.Rate > p.activation || r.Concurrency > p.activation && p.activation > 0
}

// active is the activation rule.
//
// A trigger is active while requests are held, and while the requests in flight or their rate
// exceed the activation target. It stays active for the activity window after that (twice the
// polling interval or the window of the rate, whichever is longer: a minute unless the user
// shortened both), so that a poll that meets a moment between two requests does not see an idle
// workload.
//
// Without an activation target any arrival counts for the activity window, and so does the
// end of the last request. With one, arrivals alone do not: the user asked not to be woken by
// a few requests. Held requests do in any case, because nobody else would ever answer them.
func (e *entry) active(p *plan, now instant, r Reading) bool {
	if r.Held > 0 || e.above(p, r) {
		return true
	}
	since := max(e.arrived, e.loaded)
	if p.activation > 0 {
		since = e.busy
	}
	return since != never && now-since < p.activity
}

// LastArrival returns the last moment that a request is known to have arrived at a proxy or
// to be held, over all proxies and replicas; not known: none has, as far as this registry knows.
func (b *Registry) LastArrival(key types.NamespacedName) (at time.Time, known bool) {
	e := b.entry(key)
	if e == nil {
		return time.Time{}, false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return b.wall(e.arrived), e.arrived != never
}
