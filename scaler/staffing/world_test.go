package staffing_test

import (
	"math"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/staffing"
)

const second = instant.Time(time.Second)

// start is where the clock of a rig begins: in the middle of a bin of ten seconds.
const start = 1003 * second

// rig is a meter and its clock.
type rig struct {
	*testing.T
	meter *staffing.Meter
	now   instant.Time
}

func newRig(t *testing.T, change func(*staffing.Settings)) *rig {
	s := staffing.Defaults()
	if change != nil {
		change(&s)
	}
	return &rig{T: t, meter: staffing.New(s), now: start}
}

// take has one report a second, for some seconds.
func (r *rig) take(seconds int, each staffing.Seen) {
	for range seconds {
		each.From, each.At = r.now, r.now+second
		r.now += second
		r.meter.Take(each)
	}
}

func (r *rig) need() staffing.Need { return r.meter.Need(r.now, staffing.Held{}) }

// is fails unless a number is the one that is wanted.
func (r *rig) is(what string, got, want float64) {
	r.Helper()
	if !(math.Abs(got-want) <= 1e-6*max(1, math.Abs(want))) {
		r.Errorf("%s: %v, not %v", what, got, want)
	}
}

// requests are n of 4000 bytes, which ended as they came.
func requests(n uint64) staffing.Seen {
	return staffing.Seen{Requests: n, Ended: n, BytesSent: 4000 * n, BytesReceived: 20_000 * n}
}

// answered are n requests with usage: 500 tokens in, 200 of them cached, and 50 out.
func answered(n uint64) staffing.Seen {
	s := requests(n)
	s.Answers, s.TokensIn, s.TokensOut, s.TokensCached = n, 500*n, 50*n, 200*n
	return s
}

const (
	// ofRequest is the work of one of requests: 1000 tokens in, 100 out.
	ofRequest = 4000.0/4 + 7*20_000.0/200
	// ofAnswered is that of one of answered.
	ofAnswered = 500 - 0.9*200 + 7*50.0
)
