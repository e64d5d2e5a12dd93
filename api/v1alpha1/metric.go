package v1alpha1

import "time"

// Concurrency is taken over the sync period of the HPA, which sees no shorter peak otherwise.
const (
	concurrencyWindow = 15 * time.Second
	concurrencyStep   = time.Second
)

// Window returns the span of time that the metric is taken over and the length of its steps; zero
// for a requestRate without its block.
func (m HTTPScalerMetric) Window() (span, step time.Duration) {
	switch {
	case m.RequestRate != nil:
		return m.RequestRate.Window.Duration, m.RequestRate.Granularity.Duration
	case m.Concurrency != nil:
		return concurrencyWindow, concurrencyStep
	}
	return 0, 0
}

// Aggregation returns how concurrency becomes one number; the average unless the block says
// otherwise.
func (m HTTPScalerMetric) Aggregation() Aggregation {
	if m.Concurrency == nil || m.Concurrency.Aggregation == "" {
		return AggregationAverage
	}
	return m.Concurrency.Aggregation
}
