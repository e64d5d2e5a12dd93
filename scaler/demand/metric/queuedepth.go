package metric

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

// Queues say how many requests wait in the Pods of a trigger; engines.Reader is one. An error says why that is not known.
type Queues interface {
	Waiting(types.NamespacedName) (float64, error)
}

// queueDepth is requests that wait: in the ready Pods of the model, and in proxies for a Pod.
type queueDepth struct {
	queues      Queues
	concurrency Concurrency
}

// QueueDepth returns what makes the metric, see Table.With.
func QueueDepth(queues Queues) func(v1alpha1.HTTPScalerMetric) Metric {
	return func(spec v1alpha1.HTTPScalerMetric) Metric { return queueDepth{queues, ConcurrencyOf(spec)} }
}

// Name implements Metric.
func (queueDepth) Name() string { return KindOf(v1alpha1.QueueDepth).Name }

// Value implements Metric.
func (m queueDepth) Value(t window.Traffic) (float64, error) {
	waiting, err := m.queues.Waiting(t.Key)
	if err != nil {
		return 0, err
	}
	return waiting + float64(max(t.Held, 0)), nil
}

// Exceeds implements Metric.
func (m queueDepth) Exceeds(t window.Traffic, target float64) bool {
	return m.concurrency.Exceeds(t, target)
}
