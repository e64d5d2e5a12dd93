package snapshot

import (
	"math"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

// advised part of the highest level of a replica is its target (ADR 0058).
const advised = 0.85

// tokensOf returns the snapshot of some work; nil: it is not known. Level is the highest of a replica, zero: there is none.
func tokensOf(work *window.Asked, level float64, busy bool) *v1alpha1.HTTPScalerTokens {
	if work == nil || !work.Reported {
		return nil
	}
	t := &v1alpha1.HTTPScalerTokens{
		InputPerSecond: whole(work.Input), OutputPerSecond: whole(work.Output), WeightedPerSecond: whole(work.Value),
		Level: whole(work.Level), Reserve: whole(work.Reserve), Backlog: whole(work.Backlog),
	}
	if work.Usage {
		t.MeanOutputTokens, t.CachedPercent = new(whole(work.MeanOutput)), new(whole(100*work.CachedShare))
	}
	if most := whole(level); most > 0 {
		t.MaxPerReplica = &most
	}
	if target := whole(advised * level); busy && target > 0 {
		t.AdvisedTargetValue = &target
	}
	return t
}

// whole returns a whole number of two significant digits.
func whole(value float64) int64 { return int64(math.Round(rounded(value))) }

// near reports whether the numbers of tokens differ by a tenth at most. Loads vary, and more than what people read would be written.
func near(a, b *v1alpha1.HTTPScalerTokens) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := numbers(a), numbers(b)
	for i := range x {
		if (x[i] == nil) != (y[i] == nil) || x[i] != nil && !nearly(*x[i], *y[i]) {
			return false
		}
	}
	return true
}

func numbers(t *v1alpha1.HTTPScalerTokens) []*int64 {
	return []*int64{
		&t.InputPerSecond, &t.OutputPerSecond, &t.WeightedPerSecond, &t.Level, &t.Reserve, &t.Backlog,
		t.MeanOutputTokens, t.CachedPercent, t.MaxPerReplica, t.AdvisedTargetValue,
	}
}

// nearly: zero is near zero alone.
func nearly(a, b int64) bool {
	return a == b || min(a, b) > 0 && 10*(max(a, b)-min(a, b)) <= max(a, b)
}
