package metric

import (
	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand/window"
	"github.com/kedify/inference-gateway/scaler/staffing"
)

// TokenRateName is what KEDA calls the weighted tokens.
const TokenRateName = "http-token-rate"

// tokenRate is weighted tokens per second that all replicas together are needed for (scaler/staffing).
type tokenRate struct{ concurrency Concurrency }

func newTokenRate(spec v1alpha1.HTTPScalerMetric) Metric { return tokenRate{ConcurrencyOf(spec)} }

// Name implements Metric.
func (tokenRate) Name() string { return TokenRateName }

// Value implements Metric.
func (tokenRate) Value(t window.Traffic) (float64, error) {
	work, err := Asked(&t)
	if err != nil {
		return 0, err
	}
	return work.Value, nil
}

// Exceeds implements Metric. Requests decide: what they cost is known when they end.
func (m tokenRate) Exceeds(t window.Traffic, target float64) bool {
	return m.concurrency.Exceeds(t, target)
}

func staffingOf(of *v1alpha1.TokenRateMetric) staffing.Settings {
	return staffing.Settings{
		OutputWeight: of.OutputTokenWeight.Float(), CachedWeight: of.CachedTokenWeight.Float(), Reserve: of.BurstReserve.Float(),
		Window: of.Window.Duration, History: of.BurstHistory.Duration, Horizon: of.BacklogHorizon.Duration,
	}
}
