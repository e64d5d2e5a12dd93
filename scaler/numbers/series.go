package numbers

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// series is one value. It implements prometheus.Metric. Those of one trigger share the pairs of labels: 5,000 triggers have
// 40,000 series, and the constant metrics of the library make the pairs of each anew.
type series struct {
	desc    *prometheus.Desc
	labels  []*dto.LabelPair // sorted by name
	value   *float64
	counter bool
}

// Desc implements prometheus.Metric.
func (s *series) Desc() *prometheus.Desc { return s.desc }

// Write implements prometheus.Metric.
func (s *series) Write(out *dto.Metric) error {
	out.Label = s.labels
	if s.counter {
		out.Counter = &dto.Counter{Value: s.value}
	} else {
		out.Gauge = &dto.Gauge{Value: s.value}
	}
	return nil
}

func pair(name, value string) *dto.LabelPair { return &dto.LabelPair{Name: &name, Value: &value} }

// The answers of held requests, in front of the labels of the trigger.
var released, failed = pair("answer", "released"), pair("answer", "failed")

// The kinds of tokens, likewise.
var promptKind, cachedKind, outputKind = pair("kind", "prompt"), pair("kind", "cached"), pair("kind", "output")

func (i identity) labels() []*dto.LabelPair {
	return []*dto.LabelPair{pair("namespace", i.namespace), pair("scaledobject", i.scaledObject), pair("trigger", i.trigger)}
}
