package demand

import (
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

// ErrUnknown says that the numbers of a key are not known. They are not zero.
var ErrUnknown = errors.New("the demand is unknown")

// Reading is the demand of one key over all proxies and replicas.
type Reading struct {
	// Value is that of the trigger's metric, by which KEDA scales. Unknown says why it is not
	// known although the traffic is; it is not zero then. More are those of further metrics, in the order of the trigger.
	Value   float64
	Unknown error
	More    []Value
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
	// Active follows the activation rule, see series.active.
	Active bool
	// Settled is false while Active is false only as far as is known: proxies had counted
	// requests before this registry began, no replica says when those arrived, and the registry
	// has not watched for as long as an arrival keeps the workload active.
	Settled bool
	// Work is what the requests are in tokens, to a trigger that scales by them (tokenRate). Nil: it does not, or that is not known.
	Work *window.Asked
	// LastGood: no proxy of a gateway reports, and the numbers are the last that were known.
	LastGood bool
}

// Value is that of a further metric of a trigger. Unknown says why it is not known; it is not zero then.
type Value struct {
	// Metric is its name in KEDA's protocol.
	Metric  string
	Value   float64
	Unknown error
}

// Read returns the demand of a key, from memory. On ErrUnknown the reading has only what is
// known as well: nothing is held, and when a request arrived last.
//
// While requests are held for a key it is always known: it is active, they are in Held,
// InFlight and Concurrency, and what proxies counted is as good as it can be.
func (r *Registry) Read(key types.NamespacedName) (Reading, error) {
	s := r.find(key)
	if s == nil || s.settings.Load().scaler == nil {
		return Reading{}, notInForce(key)
	}
	now := r.now()
	r.freshen(s.settings.Load(), now)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read(r, now)
}

// Requested reports whether a request of the key was ever counted or held, as far as is known.
func (r *Registry) Requested(key types.NamespacedName) bool {
	reading, _ := r.Read(key) // what is known is set with an error, too
	return reading.Requested
}

func notInForce(key types.NamespacedName) error {
	return fmt.Errorf("%w: no trigger %s is in force", ErrUnknown, key)
}

// freshen drops what proxies had in flight that are gone.
func (r *Registry) freshen(z *settings, now instant.Time) {
	for _, g := range z.gateways {
		if g.coverage(r, now).Due {
			r.dropSilent(g, now)
		}
	}
}

// read has mu.
func (s *series) read(r *Registry, now instant.Time) (Reading, error) {
	z := s.settings.Load()
	if z.scaler == nil {
		return Reading{}, notInForce(s.key)
	}
	s.expire(now)
	c := &coverages{registry: r, now: now}
	reading := s.reading(z, c)
	s.awake = reading.Active
	if reading.Held > 0 {
		return reading, nil
	}
	unknown := Reading{LastArrival: reading.LastArrival, Requested: reading.Requested}
	if len(z.gateways) == 0 {
		return unknown, fmt.Errorf("%w: %s is served by no gateway", ErrUnknown, s.key)
	}
	for _, g := range z.gateways {
		known := c.of(g)
		if known.AsOf == instant.Never {
			return unknown, fmt.Errorf("%w: gateway %s: %s", ErrUnknown, g.key, known.Why)
		}
		reading.LastGood = reading.LastGood || known.Frozen
	}
	return reading, nil
}

// reading returns what is known, whether it is all or not. mu is held.
func (s *series) reading(z *settings, c *coverages) Reading {
	t, now := s.traffic(z, c), c.now
	reading := Reading{
		Rate: t.Rate, Concurrency: z.concurrency.Of(&t), Held: t.Held, InFlight: t.InFlight,
		LastArrival: c.registry.wall(s.activity.Arrived), Active: s.active(z, now, t),
	}
	reading.Requested = t.Held > 0 || s.activity.Arrived != instant.Never || s.began != instant.Never
	reading.Settled = reading.Active || s.began == instant.Never || now-s.began >= z.activity
	reading.Value, reading.Unknown = z.metrics[0].Value(t)
	for _, m := range z.metrics[1:] {
		value, err := m.Value(t)
		reading.More = append(reading.More, Value{m.Name(), value, err})
	}
	if z.tokens {
		if work, err := metric.Asked(&t); err == nil {
			reading.Work = work
		}
	}
	return reading
}

// traffic adds up the windows and what is held. mu is held.
func (s *series) traffic(z *settings, c *coverages) window.Traffic {
	now := c.now
	t := window.NewTraffic(s.key, &z.sizes, &s.activity, now)
	for _, w := range s.windows {
		asOf := now
		if known := c.of(w.gateway); known.AsOf != instant.Never {
			asOf = known.AsOf
		}
		t.Add(&z.sizes, w.Window, asOf)
	}
	t.AddHeld(&s.holds.total, now)
	if s.work != nil {
		t.Work = s.work.Asked(now, t.Held)
	}
	return t
}

// active is the activation rule.
//
// A trigger is active while requests are held, and while the traffic exceeds the activation
// target. It stays active for the activity window after that (twice the polling interval or the
// window of the rate, whichever is longer: a minute unless the user shortened both), so that a
// poll that meets a moment between two requests does not see an idle workload.
//
// Without an activation target any arrival counts for the activity window, and so does the
// end of the last request. With one, arrivals alone do not: the user asked not to be woken by
// a few requests. Held requests do in any case, because nothing else would ever answer them.
func (s *series) active(z *settings, now instant.Time, t window.Traffic) bool {
	return t.Held > 0 || z.exceeds(t) || s.activity.Within(z.activity, now, z.activation)
}

// LastArrival returns the last moment that a request is known to have arrived at a proxy or
// to be held, over all proxies and replicas; not known: none has, as far as this registry knows.
func (r *Registry) LastArrival(key types.NamespacedName) (at time.Time, known bool) {
	s := r.find(key)
	if s == nil {
		return time.Time{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.wall(s.activity.Arrived), s.activity.Arrived != instant.Never
}
