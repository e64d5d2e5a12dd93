package study

import (
	"io/fs"
	"math"

	"github.com/kedify/inference-gateway/bench/scaling/engine"
	"github.com/kedify/inference-gateway/bench/scaling/policy"
	"github.com/kedify/inference-gateway/bench/scaling/trace"
)

// Workload is a trace for one engine.
type Workload struct {
	Name  string
	Trace *trace.Trace
	Model engine.Model
	// Work is that of each second.
	Work []float64
	// Start is how many replicas there are at the beginning, with any policy: as many as the
	// first minutes need. ColdStart and Warmup are in seconds.
	Start             int
	ColdStart, Warmup float64
}

const (
	coldStart = 120
	warmup    = 300
	// patience is how long a request waits for its first token after the end of a trace.
	patience = 600
	// busy is which part of its speed a replica works at when it is full: the target that
	// scaler/staffing is tried with.
	busy = 0.85
)

// NewWorkload returns a trace with a cold start of two minutes.
func NewWorkload(name string, t *trace.Trace, m engine.Model) *Workload {
	w := &Workload{Name: name, Trace: t, Model: m, Work: policy.Work(t, m), ColdStart: coldStart, Warmup: warmup}
	sum := 0.0
	for _, second := range w.Work[:min(warmup, len(w.Work))] {
		sum += second
	}
	w.Start = min(max(int(math.Ceil(sum/warmup/m.Speed()/busy)), 1), policy.Max)
	return w
}

// With returns the workload with another cold start.
func (w *Workload) With(coldStart float64) *Workload {
	other := *w
	other.ColdStart = coldStart
	return &other
}

// Traces are the public ones, and two of them at the same time.
type Traces struct{ Conversation, Code, Both, Mooncake trace.Trace }

// ReadTraces reads them from the folder testdata.
func ReadTraces(files fs.FS) (t Traces, err error) {
	for _, f := range []struct {
		into       *trace.Trace
		path, name string
	}{
		{&t.Conversation, "azure-2023-conversation.csv", "conversation"},
		{&t.Code, "azure-2023-code.csv", "code"},
		{&t.Mooncake, "mooncake-conversation.csv", "Mooncake"},
	} {
		if *f.into, err = trace.Read(files, f.path, f.name); err != nil {
			return t, err
		}
	}
	t.Both = trace.Mix("conversation+code", t.Conversation, t.Code)
	return t, nil
}

// dayLength is a day of the mix, in seconds. A real one has slower slopes.
const dayLength = 3 * 3600

// dayShape is 10 % of the requests at night, and two copies of the mix.
func dayShape(days int) trace.Shape {
	return trace.Shape{Length: dayLength, Days: days, Night: 0.1, Copies: 2}
}

// Day returns a day of the mix.
func (t *Traces) Day(m engine.Model, seed uint64) *Workload {
	return t.shaped("day", m, dayShape(1), seed)
}

// SmoothDay returns one that is never as quiet as at midnight for long: a cosine.
func (t *Traces) SmoothDay(m engine.Model, seed uint64) *Workload {
	s := dayShape(1)
	s.Smooth = true
	return t.shaped("smooth day", m, s, seed)
}

// SecondDay returns two days. The first is there to learn from, and does not count.
func (t *Traces) SecondDay(m engine.Model, seed uint64) *Workload {
	w := t.shaped("second day", m, dayShape(2), seed)
	w.Warmup = dayLength
	return w
}

func (t *Traces) shaped(name string, m engine.Model, s trace.Shape, seed uint64) *Workload {
	day := trace.Day(name, t.Both, s, seed)
	return NewWorkload(name, &day, m)
}

// Four are the public workloads with the bounds of their p99, in seconds, that one setting is to
// keep. What a prompt of 100,000 tokens takes by itself is most of Mooncake's.
func (t *Traces) Four(m engine.Model) ([]*Workload, []float64) {
	var all []*Workload
	for _, one := range []*trace.Trace{&t.Conversation, &t.Code, &t.Both, &t.Mooncake} {
		all = append(all, NewWorkload(one.Name, one, m))
	}
	return all, []float64{2, 20, 8, 26}
}
