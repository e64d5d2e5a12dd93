package metric

import (
	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

// RequestRateName is what KEDA calls the request rate.
const RequestRateName = "http-request-rate"

// requestRate is requests per second over the window of the trigger.
type requestRate struct{ concurrency Concurrency }

func newRequestRate(spec v1alpha1.HTTPScalerMetric) Metric { return requestRate{ConcurrencyOf(spec)} }

// Name implements Metric.
func (requestRate) Name() string { return RequestRateName }

// Value implements Metric.
func (requestRate) Value(t window.Traffic) (float64, error) { return t.Rate, nil }

// Exceeds implements Metric.
func (m requestRate) Exceeds(t window.Traffic, target float64) bool {
	return m.concurrency.Exceeds(t, target)
}
