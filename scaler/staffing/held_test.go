package staffing_test

import (
	"testing"
	"time"

	"github.com/kedify/inference-gateway/scaler/staffing"
)

// Held work is to be done within the horizon.
func TestHeld(t *testing.T) {
	for _, c := range []struct {
		name string
		held staffing.Held
		work float64 // weighted tokens
	}{
		{"none", staffing.Held{}, 0},
		{"sized", staffing.Held{Requests: 4, Sized: 4, Bytes: 8000}, 8000.0/8*0.64 + 4*7*50},
		{"the mean", staffing.Held{Requests: 4}, 4 * ofAnswered},
		{"some of each", staffing.Held{Requests: 4, Sized: 2, Bytes: 80}, 2*ofAnswered + 80.0/8*0.64 + 2*7*50},
		{"more sized than there are", staffing.Held{Requests: 1, Sized: 9, Bytes: 80}, 80.0/8*0.64 + 7*50},
		{"a length that is a lie", staffing.Held{Requests: 1, Sized: 1, Bytes: 1 << 60}, staffing.MaxPromptBytes/8*0.64 + 7*50},
		{"bytes of no request", staffing.Held{Bytes: 1 << 60}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, func(s *staffing.Settings) { s.Horizon = 10 * time.Second })
			r.take(100, answered(10))
			n := r.meter.Need(r.now, c.held)
			r.is("backlog", n.Backlog, c.work/10)
			r.is("value", n.Value, n.Level+n.Backlog)
		})
	}
}

// A model that sleeps is asked for by what is held alone: forty prompts are forty prompts, though
// no request was ever answered.
func TestHeldAtZero(t *testing.T) {
	r := newRig(t, nil)
	r.is("no size", r.meter.Need(r.now, staffing.Held{Requests: 40}).Value, 40*(1000+7*200)/30.0)
	r.is("sizes", r.meter.Need(r.now, staffing.Held{Requests: 40, Sized: 40, Bytes: 40 * 40_000}).Value, 40*(10_000+7*200)/30.0)
}
