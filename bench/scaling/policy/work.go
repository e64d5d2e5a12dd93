package policy

import (
	"time"

	"github.com/kedify/inference-gateway/bench/scaling/fleet"
	"github.com/kedify/inference-gateway/bench/scaling/hpa"
	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/staffing"
)

// work is tokenRate: weighted tokens per second and replica, as scaler/staffing counts them.
type work struct {
	meter  *staffing.Meter
	held   staffing.Held
	target float64
	// ahead returns what to ask for by what is known of the time after a moment. nil: nothing is.
	ahead func(now float64, n staffing.Need) float64
}

// TokenRate is the work that is asked for. The target is weighted tokens per second.
func TokenRate(s staffing.Settings, target float64) Signal {
	return &work{meter: staffing.New(s), target: target}
}

// Count implements Signal.
func (w *work) Count(now float64, f *fleet.Fleet) {
	c, to := f.Take(), at(now)
	w.meter.Take(staffing.Seen{
		From: to - instant.Time(time.Second), At: to,
		Requests: uint64(c.Arrived), Ended: uint64(c.Ended), BytesSent: uint64(c.Sent), BytesReceived: uint64(c.Received),
		Answers: uint64(c.Answers), TokensIn: uint64(c.Input), TokensOut: uint64(c.Output), TokensCached: uint64(c.Cached),
	})
	held, bytes := f.Held()
	w.held = staffing.Held{Requests: uint64(held), Sized: uint64(held), Bytes: uint64(bytes)}
}

// Metrics implements Signal.
func (w *work) Metrics(now float64) []hpa.Metric {
	need := w.meter.Need(at(now), w.held)
	value := need.Value
	if w.ahead != nil {
		value = w.ahead(now, need)
	}
	return []hpa.Metric{{Value: value, Target: w.target, PerReplica: true}}
}
