// Package metric is the numbers that KEDA can scale by.
//
// Job: turn the traffic of a key into the value of its trigger's metric, and say how KEDA knows
// that metric. One file per metric and one row in All are enough for counting and answering; Kinds has what is known without a
// trigger, and says which metrics are served. The types
// are also named by their API (api/v1alpha1), by the reader of triggers (scaler/trigger) and by the
// pace of releases (scaler/hold).
// Inputs: window.Traffic; metrics of an HTTPScaler. Outputs: Metric.
// Ownership: pure values.
//
// # A source of its own
//
// A metric of what Envoys do not count, such as what Pods say, has a source: the function that makes it closes over the source,
// and the metric asks it by Traffic.Key. Such a row is not in All but added by Table.With where the registry is made
// (controllers/plane). Value is called with the lock of a key held, for each question of KEDA: the source answers from memory, at
// once, and may be called from any goroutine. What it does not know is an error and not zero. Exceeds asks no source: whether a
// workload is to run follows from traffic alone.
package metric

import (
	"maps"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

// Metric is one number that KEDA can scale by, as one trigger asks for it.
type Metric interface {
	// Name is that of the metric in KEDA's protocol, and so in the HPA.
	Name() string
	// Value is the total over the cluster, or that of one replica where the kind is a Level. An error says why it is not
	// known; that is not zero.
	Value(window.Traffic) (float64, error)
	// Exceeds reports whether the traffic alone is above the activation target of the trigger.
	Exceeds(t window.Traffic, target float64) bool
}

// Table has for each type of metric what makes it from the spec of a trigger.
type Table map[v1alpha1.MetricType]func(v1alpha1.HTTPScalerMetric) Metric

// All are the metrics of the product.
var All = Table{
	v1alpha1.RequestRate: newRequestRate,
	v1alpha1.Concurrency: newConcurrency,
	v1alpha1.TokenRate:   newTokenRate,
	v1alpha1.TTFT:        newTTFT,
}

// With returns the table with one more metric.
func (t Table) With(of v1alpha1.MetricType, make func(v1alpha1.HTTPScalerMetric) Metric) Table {
	all := maps.Clone(t)
	all[of] = make
	return all
}

// Of returns the metric that a trigger asks for. One of an unknown type, which admission
// refuses, has the request rate.
func (t Table) Of(spec v1alpha1.HTTPScalerMetric) Metric {
	if make := t[spec.Type]; make != nil {
		return make(spec)
	}
	return newRequestRate(spec)
}
