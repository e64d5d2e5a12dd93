package policy_test

import (
	"math"
	"slices"
	"testing"

	"github.com/kedify/inference-gateway/bench/scaling/engine"
	"github.com/kedify/inference-gateway/bench/scaling/fleet"
	"github.com/kedify/inference-gateway/bench/scaling/hpa"
	"github.com/kedify/inference-gateway/bench/scaling/policy"
	"github.com/kedify/inference-gateway/bench/scaling/trace"
	"github.com/kedify/inference-gateway/scaler/staffing"
)

// model computes 1000 prompt tokens a second.
var model = engine.Model{Base: 0.001, PerPrompt: 0.001, Budget: 1000, Requests: 50, Memory: 1e6}

// steady is requests at a constant rate, of equal sizes.
func steady(seconds, perSecond float64, input, output int) *trace.Trace {
	t := &trace.Trace{Name: "steady", End: seconds}
	for at := 0.05; at < seconds; at += 1 / perSecond {
		t.Requests = append(t.Requests, trace.Request{At: at, Input: input, Output: output})
	}
	return t
}

// probe notes what a signal says, and scales nothing.
type probe struct {
	policy.Signal
	values []float64
}

func (p *probe) Second(now float64, f *fleet.Fleet) int {
	p.Count(now, f)
	p.values = append(p.values, p.Metrics(now)[0].Value)
	return f.Wanted()
}

// follow notes how many replicas a scaler asks for.
type follow struct {
	fleet.Scaler
	wanted []int
}

func (s *follow) Second(now float64, f *fleet.Fleet) int {
	s.wanted = append(s.wanted, s.Scaler.Second(now, f))
	return s.wanted[len(s.wanted)-1]
}

func run(t *trace.Trace, start int, s fleet.Scaler) fleet.Result {
	return fleet.Run(t, fleet.Options{Model: model, ColdStart: 30, Start: start, Patience: 100}, s)
}

// Signals of the product say what is asked for, once their windows are full.
func TestSignals(t *testing.T) {
	s := staffing.Defaults()
	for name, c := range map[string]struct {
		signal      policy.Signal
		start       int
		least, most float64
	}{
		"requestRate": {policy.RequestRate(1), 2, 3.6, 3.8},
		// 3.7 requests a second that take 0.1 s for the prompt and 9 steps of 1 ms.
		"concurrency": {policy.Concurrency(1), 2, 0.3, 0.6},
		// 100 tokens in and 10 out, each of those worth 7. Half of the clients ask for usage, and
		// prompts differ in bytes.
		"tokenRate": {policy.TokenRate(s, 1), 2, 3.7 * 170 * 0.93, 3.7 * 170 * 1.15},
		"queue":     {policy.Queue(1), 2, 0, 0},
	} {
		p := &probe{Signal: c.signal}
		run(steady(900, 3.7, 100, 10), c.start, p)
		if got := p.values[len(p.values)-1]; !(got >= c.least && got <= c.most) {
			t.Errorf("%s: %v, not between %v and %v", name, got, c.least, c.most)
		}
	}
}

// What waits in replicas is seen by a Prometheus, some seconds late.
func TestQueue(t *testing.T) {
	burst := &trace.Trace{Name: "burst", End: 120}
	for range 200 {
		burst.Requests = append(burst.Requests, trace.Request{At: 20.5, Input: 1000, Output: 1})
	}
	p := &probe{Signal: policy.Queue(1)}
	run(burst, 1, p)
	if p.values[20] != 0 || p.values[21] < 190 || p.values[21] != p.values[35] || p.values[36] >= p.values[35] {
		t.Errorf("%v", p.values[:40])
	}
}

// burstScaling does not wait for the HPA, which looks every 15 s. It raises as much as the HPA
// may, and ends nothing.
func TestBurst(t *testing.T) {
	load := steady(200, 1, 100, 1)
	for at := 100.01; at < 200; at += 0.05 {
		load.Requests = append(load.Requests, trace.Request{At: at, Input: 500, Output: 1})
	}
	slices.SortStableFunc(load.Requests, func(a, b trace.Request) int { return int(math.Copysign(1, a.At-b.At)) })
	s := staffing.Defaults()
	alone := &follow{Scaler: policy.ByHPA(policy.TokenRate(s, 500), 1)}
	burst := &follow{Scaler: policy.ByHPAAndBurst(policy.TokenRate(s, 500), 1)}
	run(load, 2, alone)
	run(load, 2, burst)
	raised := func(wanted []int) int {
		return 1 + slices.IndexFunc(wanted[99:], func(n int) bool { return n > wanted[98] })
	}
	if a, b := raised(alone.wanted), raised(burst.wanted); b >= a || a > 30 || b > 15 {
		t.Errorf("raised after %d s by the HPA, after %d s with burstScaling", a, b)
	}
	for i := 100; i < len(burst.wanted); i++ {
		before := burst.wanted[max(i-14, 0)]
		if burst.wanted[i] > 2*max(2*before, before+4) { // once by itself, and once by the HPA
			t.Errorf("%d replicas 15 s after %d", burst.wanted[i], before)
		}
		if i%hpa.Sync != hpa.Sync-1 && burst.wanted[i] < burst.wanted[i-1] {
			t.Errorf("ended replicas at %d s", i+1)
		}
	}
}

// The planner has replicas ready when they are wanted, and not for longer.
func TestPlanner(t *testing.T) {
	load := &trace.Trace{Name: "step", End: 300}
	for at := 100.5; at < 200; at++ {
		load.Requests = append(load.Requests, trace.Request{At: at, Input: 2000, Output: 1})
	}
	s := &follow{Scaler: &policy.Planner{Work: policy.Work(load, model), Target: 1000, Span: 1, ColdStart: 30}}
	r := run(load, 1, s)
	first := slices.IndexFunc(s.wanted, func(n int) bool { return n > 1 })
	last := len(s.wanted) - 1 - slices.IndexFunc(reversed(s.wanted), func(n int) bool { return n > 1 })
	if first+1 != 70 || last+1 != 199 || slices.Max(s.wanted) != 3 {
		t.Errorf("%d replicas from %d s to %d s", slices.Max(s.wanted), first+1, last+1)
	}
	if r.P99 > 2.1 {
		t.Errorf("p99 of %v s", r.P99)
	}
}

func reversed(s []int) []int {
	s = slices.Clone(s)
	slices.Reverse(s)
	return s
}

// A learned day is that before it, and nothing on the first.
func TestLearned(t *testing.T) {
	l := policy.NewLearned(3600)
	level := func(at float64) float64 { return 100 - 80*math.Cos(2*math.Pi*at/3600) }
	for at := 0.0; at < 3600; at += 15 {
		if got := l.Ratio(at, at+300); got != 1 {
			t.Fatalf("a ratio of %v on the first day", got)
		}
		l.Learn(at, level(at))
	}
	for at := 3600.0; at < 7200; at += 300 {
		if got, want := l.Ratio(at, at+300), level(at+300)/level(at); math.Abs(got/want-1) > 0.25 {
			t.Errorf("at %v: %v, not %v", at, got, want)
		}
	}
}
