package fleet

import (
	"github.com/kedify/inference-gateway/bench/scaling/engine"
	"github.com/kedify/inference-gateway/bench/scaling/trace"
)

// Options of a run. Times are in seconds.
type Options struct {
	Model engine.Model
	// ColdStart is from the decision to start a replica until it is ready.
	ColdStart float64
	// Start is how many replicas are ready at the beginning.
	Start int
	// Warmup is how much of the beginning is not counted.
	Warmup float64
	// Patience is for how long after the end first tokens are waited for.
	Patience float64
}

// Scaler decides how many replicas there are to be.
type Scaler interface {
	// Second is called at the end of each second of a trace, before the requests of the next
	// one. It returns how many replicas there are to be.
	Second(now float64, f *Fleet) int
}

// Run runs a trace.
func Run(t *trace.Trace, o Options, s Scaler) Result {
	f := &Fleet{options: o, wanted: o.Start, requests: make([]request, len(t.Requests))}
	for range o.Start {
		f.replicas = append(f.replicas, &replica{engine: engine.NewReplica(o.Model)})
	}
	most := o.Start
	next, tick := 0, 1.0
	for now := 0.0; now < t.End; {
		at := engine.Never
		if next < len(t.Requests) {
			at = t.Requests[next].At
		}
		now = min(at, tick, f.next(now))
		f.bill.add(f, now, t.End)
		f.advance(now)
		for ; next < len(t.Requests) && t.Requests[next].At <= now; next++ {
			f.arrive(now, next, t.Requests[next])
		}
		if now >= tick {
			f.scale(now, s.Second(now, f))
			most = max(most, f.wanted)
			tick++
		}
	}
	f.settle(t.End)
	return f.measure(t, most)
}

// next returns when the next thing happens by itself.
func (f *Fleet) next(now float64) float64 {
	at := engine.Never
	for _, r := range f.replicas {
		at = min(at, r.engine.Next())
		if r.ready > now && !r.ended {
			at = min(at, r.ready)
		}
	}
	return at
}

// advance has everything happen that does up to a moment.
func (f *Fleet) advance(now float64) {
	gone := false
	for _, r := range f.replicas {
		for r.engine.Next() <= now {
			for _, j := range r.engine.Step() {
				f.counted.ended(&f.requests[j.ID])
			}
		}
		gone = gone || r.ended && r.engine.Jobs() == 0
	}
	if gone {
		f.remove()
	}
	f.release(now)
}

func (f *Fleet) arrive(now float64, index int, in trace.Request) {
	r := &f.requests[index]
	r.at, r.wire = in.At, wireOf(index, in)
	r.Job = engine.Job{
		ID: index, Prompt: in.Input - in.Cached, Context: in.Input, Output: in.Output,
		First: engine.Never, Done: engine.Never,
	}
	f.give(now, r)
}

// settle goes on after the end, with the replicas that there are, until the first tokens of all
// requests are there or too late.
func (f *Fleet) settle(end float64) {
	for now := end; now < end+f.options.Patience; {
		at := f.next(now)
		if at == engine.Never {
			return
		}
		now = at
		f.advance(now)
	}
}
