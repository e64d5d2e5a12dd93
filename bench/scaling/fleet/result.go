package fleet

import (
	"math"
	"slices"

	"github.com/kedify/inference-gateway/bench/scaling/trace"
)

// Result is what users got and what it cost.
type Result struct {
	// P50 and P99 are of the time to the first token, in seconds, of the requests after the
	// warm-up. One without a first token has waited until the end of patience.
	P50, P99 float64
	// Replicas is their mean number after the warm-up, Most the highest that was asked for.
	Replicas float64
	Most     int
}

// bill is the replica-seconds after the warm-up, up to the end of the trace.
type bill struct{ sum, upTo float64 }

func (b *bill) add(f *Fleet, now, end float64) {
	if from, to := max(b.upTo, f.options.Warmup), min(now, end); to > from {
		b.sum += float64(len(f.replicas)) * (to - from)
	}
	b.upTo = now
}

func (f *Fleet) measure(t *trace.Trace, most int) Result {
	waits := make([]float64, 0, len(f.requests))
	for i := range f.requests {
		if r := &f.requests[i]; t.Requests[i].At >= f.options.Warmup {
			waits = append(waits, min(r.First, t.End+f.options.Patience)-r.at)
		}
	}
	slices.Sort(waits)
	return Result{
		P50: quantile(waits, 0.5), P99: quantile(waits, 0.99),
		Replicas: f.bill.sum / (t.End - f.options.Warmup), Most: most,
	}
}

func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(math.Ceil(q*float64(len(sorted))))-1]
}
