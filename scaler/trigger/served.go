package trigger

import (
	"slices"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
)

// kinds are the metrics that a trigger may name. Those that are not served are refused by name, and keys that they alone read
// are not known.
var kinds = metric.Kinds()

func isMetric(of v1alpha1.MetricType) bool {
	return slices.ContainsFunc(kinds, func(kind metric.Kind) bool { return kind.Type == of })
}

func served(of v1alpha1.MetricType) bool {
	return slices.ContainsFunc(kinds, func(kind metric.Kind) bool { return kind.Type == of && kind.Served })
}

// servedTypes are in the order of messages and pages.
func servedTypes() []v1alpha1.MetricType {
	var types []v1alpha1.MetricType
	for _, kind := range kinds {
		if kind.Served {
			types = append(types, kind.Type)
		}
	}
	return types
}
