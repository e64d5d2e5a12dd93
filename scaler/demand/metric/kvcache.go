package metric

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

// Caches say which share of the KV cache of the Pods of a trigger is in use; engines.Reader is one. An error says why that is
// not known.
type Caches interface {
	CacheUsage(types.NamespacedName) (float64, error)
}

// kvCache is the mean share of the KV cache that is in use in the ready Pods of the model, from 0 to 1.
type kvCache struct {
	caches      Caches
	concurrency Concurrency
}

// KVCache returns what makes the metric, see Table.With.
func KVCache(caches Caches) func(v1alpha1.HTTPScalerMetric) Metric {
	return func(spec v1alpha1.HTTPScalerMetric) Metric { return kvCache{caches, ConcurrencyOf(spec)} }
}

// Name implements Metric.
func (kvCache) Name() string { return KindOf(v1alpha1.KVCache).Name }

// Value implements Metric.
func (m kvCache) Value(t window.Traffic) (float64, error) { return m.caches.CacheUsage(t.Key) }

// Exceeds implements Metric.
func (m kvCache) Exceeds(t window.Traffic, target float64) bool {
	return m.concurrency.Exceeds(t, target)
}
