package fleet_test

import (
	"math"
	"testing"

	"github.com/kedify/inference-gateway/bench/scaling/engine"
	"github.com/kedify/inference-gateway/bench/scaling/fleet"
	"github.com/kedify/inference-gateway/bench/scaling/trace"
)

// model: a step of 0.1 s, a hundredth for a token of a prompt.
var model = engine.Model{Base: 0.1, PerPrompt: 0.01, Budget: 100, Requests: 10, Memory: 10_000}

// script has as many replicas as it says from a second on, and what it saw.
type script struct {
	from map[float64]int
	seen []fleet.Counts
	held map[float64]int
	now  int
}

func (s *script) Second(now float64, f *fleet.Fleet) int {
	s.seen = append(s.seen, f.Take())
	s.held[now], _ = f.Held()
	if n, is := s.from[now]; is {
		s.now = n
	}
	return s.now
}

func requests(moments ...float64) *trace.Trace {
	t := &trace.Trace{Name: "t", End: 100}
	for _, at := range moments {
		t.Requests = append(t.Requests, trace.Request{At: at, Input: 90, Output: 1, Cached: 40})
	}
	return t
}

func run(t *trace.Trace, start int, from map[float64]int) (fleet.Result, *script) {
	s := &script{from: from, held: map[float64]int{}, now: start}
	return fleet.Run(t, fleet.Options{Model: model, ColdStart: 20, Start: start, Warmup: 10, Patience: 50}, s), s
}

// A request takes its step; a replica is paid from its order to its end, after the warm-up.
func TestRun(t *testing.T) {
	for name, c := range map[string]struct {
		at       []float64
		start    int
		from     map[float64]int
		p99      float64
		replicas float64
	}{
		"one":                     {[]float64{20}, 1, nil, 0.6, 1},
		"two at once, one behind": {[]float64{20, 20}, 1, nil, 1.2, 1},
		"two replicas":            {[]float64{20, 20}, 2, nil, 0.6, 2},
		"more after half":         {[]float64{20}, 1, map[float64]int{55: 3}, 0.6, 2},
		"fewer after half":        {[]float64{20}, 3, map[float64]int{55: 1}, 0.6, 2},
		"ends what is not ready":  {[]float64{20}, 1, map[float64]int{40: 4, 50: 1}, 0.6, 1 + 3*10.0/90},
		"held until one is ready": {[]float64{20}, 0, map[float64]int{25: 1}, 25.6, 75.0 / 90},
		"drains before it ends":   {[]float64{49.9}, 1, map[float64]int{50: 0}, 0.6, (40 + 0.5) / 90},
		"never":                   {[]float64{90}, 0, nil, 60, 0},
		"in the warm-up alone":    {[]float64{5}, 1, nil, 0, 1},
	} {
		got, _ := run(requests(c.at...), c.start, c.from)
		if math.Abs(got.P99-c.p99) > 1e-9 || math.Abs(got.Replicas-c.replicas) > 1e-9 {
			t.Errorf("%s: p99 of %v s with %v replicas, not %v with %v", name, got.P99, got.Replicas, c.p99, c.replicas)
		}
	}
}

// A gateway counts a request when it has a replica, its answer when that ends, and of every other
// one the usage.
func TestCounts(t *testing.T) {
	_, s := run(requests(20.5, 20.6, 50.5), 0, map[float64]int{2: 1, 40: 0, 41: 1})
	var sum fleet.Counts
	for _, c := range s.seen {
		sum.Arrived += c.Arrived
		sum.Sent += c.Sent
		sum.Ended += c.Ended
		sum.Received += c.Received
		sum.Answers += c.Answers
		sum.Input += c.Input
		sum.Cached += c.Cached
		sum.Output += c.Output
	}
	if sum.Arrived != 3 || sum.Ended != 3 || sum.Answers != 2 || sum.Input != 180 || sum.Cached != 80 || sum.Output != 2 {
		t.Errorf("%+v", sum)
	}
	if least, most := 3*(900+90*3), 3*(900+90*6); sum.Sent < least || sum.Sent > most || sum.Received != 3*(1200+210) {
		t.Errorf("%d bytes sent and %d received", sum.Sent, sum.Received)
	}
	// The replica of the second 2 is ready at 22, that of 41 at 61.
	for second, want := range map[float64]int{21: 2, 22: 0, 30: 0, 51: 1, 60: 1, 61: 0} {
		if s.held[second] != want {
			t.Errorf("%d held at %v s, not %d", s.held[second], second, want)
		}
	}
}
