package burst

import (
	"slices"
	"time"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
)

const (
	// upPeriod is that in which replicas are added at most as upLeast and upFactor say.
	upPeriod = 15 * time.Second
	// peakSpan is how long a value is remembered for KEDA: two periods of the HPA.
	peakSpan = 30 * time.Second
	// rest after an attempt that failed or was not allowed, and between two looks at the scale of a target without an informer.
	rest = 15 * time.Second
)

// trigger is one with burstScaling.
type trigger struct {
	scaler *scaler.Scaler
	// values of the last peakSpan, and replicas of the last upPeriod, oldest first.
	values   []values
	replicas []replicas
	// pause is until when no attempt is made; busy while one is under way.
	pause time.Time
	busy  bool
}

// values are those of the metrics of a trigger at a moment, in its order; negative: not known.
type values struct {
	at time.Time
	of []float64
}

// replicas are how many there were at a moment.
type replicas struct {
	at    time.Time
	count int32
}

// take remembers what was read.
func (t *trigger) take(now time.Time, reading *demand.Reading) {
	metrics := t.scaler.Spec.Metrics()
	read := values{at: now, of: make([]float64, len(metrics))}
	for i, of := range metrics {
		value, err := reading.ValueOf(i, metric.KindOf(of.Type).Name)
		if err != nil {
			value = -1
		}
		read.of[i] = value
	}
	t.values = append(t.values, read)
}

// forget drops what is older than it counts.
func (t *trigger) forget(now time.Time) {
	t.values = slices.DeleteFunc(t.values, func(v values) bool { return now.Sub(v.at) > peakSpan })
	t.replicas = slices.DeleteFunc(t.replicas, func(r replicas) bool { return now.Sub(r.at) > upPeriod })
}

// peak returns the highest value that is remembered of a metric; negative: none is.
func (t *trigger) peak(position int) float64 {
	highest := -1.0
	for _, v := range t.values {
		if position < len(v.of) {
			highest = max(highest, v.of[position])
		}
	}
	return highest
}

// least returns how few replicas there were in the last upPeriod, those that there are now included.
func (t *trigger) least(now int32) int32 {
	for _, r := range t.replicas {
		now = min(now, r.count)
	}
	return now
}
