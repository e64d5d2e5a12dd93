package window

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
)

// Traffic is the requests of one key over all gateways and replicas at a moment.
type Traffic struct {
	Key types.NamespacedName
	// Rate is requests per second, first attempts only, over the window of the trigger.
	Rate float64
	// Held requests wait for an endpoint. InFlight includes them.
	Held     int
	InFlight uint64
	// Work is nil unless the trigger scales by it.
	Work *Asked

	load profile
	span instant.Time
}

// NewTraffic returns the traffic of a key without requests.
func NewTraffic(key types.NamespacedName, z *Sizes, a *Activity, now instant.Time) Traffic {
	return Traffic{Key: key, load: newProfile(z.Load, now), span: max(min(z.Load, now-a.loadedFrom), z.floor)}
}

// Add adds what the proxies of one gateway counted, as of a moment, as if that were now.
func (t *Traffic) Add(z *Sizes, w *Window, asOf instant.Time) {
	t.Rate += w.rate(z, asOf)
	t.InFlight += w.inFlight()
	t.load.add(&w.load, asOf)
	for _, s := range w.shares {
		t.load.tail(float64(s.active), s.last, asOf)
	}
}

// AddHeld adds the requests that are held.
func (t *Traffic) AddHeld(held *Track, now instant.Time) {
	t.Held = held.value
	t.InFlight += uint64(max(held.value, 0))
	t.load.add(&held.load, now)
	t.load.tail(float64(held.value), held.last, now)
}

// Average returns the time-weighted average of the requests in flight.
func (t *Traffic) Average() float64 { return t.load.total() / t.span.Seconds() }

// Peak returns the largest average of a second.
func (t *Traffic) Peak() float64 { return t.load.peak() }
