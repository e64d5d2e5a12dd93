// Package metric is the numbers that KEDA can scale by.
//
// Job: turn the traffic of a key into the value of its trigger's metric, and say how KEDA knows
// that metric. One file per metric and one row in All are enough for counting and answering. The types
// are also named by their API (api/v1alpha1), by the reader of triggers (scaler/trigger) and by the
// pace of releases (scaler/hold).
// Inputs: window.Traffic; spec.metric of an HTTPScaler. Outputs: Metric.
// Ownership: pure values.
package metric

import (
	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

// Metric is one number that KEDA can scale by, as one trigger asks for it.
type Metric interface {
	// Name is that of the metric in KEDA's protocol, and so in the HPA.
	Name() string
	// Value is the total over the cluster. An error says why it is not known; that is not zero.
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
}

// Of returns the metric that a trigger asks for. One of an unknown type, which admission
// refuses, has the request rate.
func (t Table) Of(spec v1alpha1.HTTPScalerMetric) Metric {
	if make := t[spec.Type]; make != nil {
		return make(spec)
	}
	return newRequestRate(spec)
}
