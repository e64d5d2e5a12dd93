package policy

import (
	"math"

	"github.com/kedify/inference-gateway/bench/scaling/engine"
	"github.com/kedify/inference-gateway/bench/scaling/fleet"
	"github.com/kedify/inference-gateway/bench/scaling/trace"
)

// Constant is a number of replicas that does not change.
type Constant int

// Second implements fleet.Scaler.
func (c Constant) Second(float64, *fleet.Fleet) int { return int(c) }

// Work is the weighted tokens that arrive in each second of a trace, with the answers that they
// will have.
func Work(t *trace.Trace, m engine.Model) []float64 {
	work := make([]float64, int(t.End)+1)
	weight := m.Output()
	for _, r := range t.Requests {
		work[int(r.At)] += float64(r.Input-r.Cached) + weight*float64(r.Output)
	}
	return work
}

// Planner is clairvoyant: it knows the work of all seconds. It orders replicas one cold start
// before they are wanted, and ends them when they are not wanted within one.
type Planner struct {
	// Work of each second, of Work.
	Work []float64
	// Target is weighted tokens per second and replica. Span is the seconds in which work that
	// arrives may be done: the mean over it counts.
	Target float64
	Span   int
	// ColdStart is in seconds.
	ColdStart int

	plan []int
}

// Second implements fleet.Scaler.
func (p *Planner) Second(now float64, _ *fleet.Fleet) int {
	if p.plan == nil {
		p.plan = p.make()
	}
	return p.plan[min(int(math.Round(now)), len(p.plan)-1)]
}

func (p *Planner) make() []int {
	wanted := make([]int, len(p.Work))
	sum := 0.0
	for i := len(p.Work) - 1; i >= 0; i-- {
		sum += p.Work[i]
		if end := i + p.Span; end < len(p.Work) {
			sum -= p.Work[end]
		}
		wanted[i] = min(max(int(math.Ceil(sum/float64(p.Span)/p.Target)), 1), Max)
	}
	return highest(wanted, p.ColdStart+1)
}

// highest returns the highest number of each one and those that follow it, some together.
func highest(of []int, together int) []int {
	out := make([]int, len(of))
	var falling []int // indexes of numbers that are lower the earlier they are
	for i := len(of) - 1; i >= 0; i-- {
		for len(falling) > 0 && of[falling[len(falling)-1]] <= of[i] {
			falling = falling[:len(falling)-1]
		}
		falling = append(falling, i)
		for falling[0] >= i+together {
			falling = falling[1:]
		}
		out[i] = of[falling[0]]
	}
	return out
}
