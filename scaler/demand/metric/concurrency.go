package metric

import (
	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

// ConcurrencyName is what KEDA calls the concurrency.
const ConcurrencyName = "http-concurrency"

// aggregation is how concurrency over the window becomes one number.
type aggregation uint8

const (
	average aggregation = iota // time-weighted
	peak                       // the largest average of a second
	instantaneous
)

// Concurrency is requests in flight and held.
type Concurrency struct{ aggregation aggregation }

func newConcurrency(spec v1alpha1.HTTPScalerMetric) Metric { return ConcurrencyOf(spec) }

// ConcurrencyOf returns the concurrency with the aggregation of a trigger, of any metric.
func ConcurrencyOf(spec v1alpha1.HTTPScalerMetric) Concurrency {
	switch spec.Aggregation() {
	case v1alpha1.AggregationPeak:
		return Concurrency{peak}
	case v1alpha1.AggregationInstant:
		return Concurrency{instantaneous}
	default:
		return Concurrency{average}
	}
}

// Name implements Metric.
func (Concurrency) Name() string { return ConcurrencyName }

// Value implements Metric.
func (c Concurrency) Value(t window.Traffic) (float64, error) { return c.Of(&t), nil }

// Of returns the concurrency of some traffic.
func (c Concurrency) Of(t *window.Traffic) float64 {
	switch c.aggregation {
	case instantaneous:
		return float64(t.InFlight)
	case peak:
		return t.Peak()
	default:
		return t.Average()
	}
}

// Exceeds implements Metric. Requests in flight, their rate and their concurrency are all
// compared. An average that is above zero only because of requests that have ended exceeds
// nothing.
func (c Concurrency) Exceeds(t window.Traffic, target float64) bool {
	return float64(t.InFlight) > target || t.Rate > target || target > 0 && c.Of(&t) > target
}
