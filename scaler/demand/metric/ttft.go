package metric

import (
	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

// TTFTName is what KEDA calls the time to the first token.
const TTFTName = "http-ttft"

const (
	// fewAnswers are too few for a quantile. Then the value is the target: there is no opinion.
	fewAnswers = 20
	// mostOfTarget is the highest value, in targets: while Pods start, answers stay late, and each look would ask for more Pods.
	mostOfTarget = 2
)

// ttft is a quantile of the times to the first token of streamed answers, in seconds.
type ttft struct {
	concurrency      Concurrency
	target, quantile float64
}

func newTTFT(spec v1alpha1.HTTPScalerMetric) Metric {
	m := ttft{concurrency: ConcurrencyOf(spec), target: spec.TargetValue()}
	if spec.TTFT != nil {
		m.quantile = spec.TTFT.Quantile.Float()
	}
	return m
}

// Name implements Metric.
func (ttft) Name() string { return TTFTName }

// Value implements Metric.
func (m ttft) Value(t window.Traffic) (float64, error) {
	work, err := Asked(&t)
	switch {
	case err != nil:
		return 0, err
	case work.First.Answers() < fewAnswers:
		return m.target, nil
	}
	return min(work.First.Quantile(m.quantile).Seconds(), mostOfTarget*m.target), nil
}

// Exceeds implements Metric: requests decide.
func (m ttft) Exceeds(t window.Traffic, target float64) bool { return m.concurrency.Exceeds(t, target) }
