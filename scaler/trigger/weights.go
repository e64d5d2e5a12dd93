package trigger

import (
	"fmt"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// WeightsAnnotation on a ScaledObject shares the requests of its triggers among Services: a
// YAML list of service and weight, 0 to 100, as the vendor's plugin for Argo Rollouts writes.
const WeightsAnnotation = "http.kedify.io/weighted-backends"

const (
	// maxWeighted is gwv1.HTTPRouteRule.BackendRefs'.
	maxWeighted = 16
	maxWeight   = 100
)

// Fields of an item of the annotation.
const (
	fieldWeightService = "service"
	fieldWeight        = "weight"
)

// weightsOf takes the annotation; nil without one.
func weightsOf(object Object) ([]v1alpha1.HTTPScalerWeight, error) {
	text, found := object.Annotations[WeightsAnnotation]
	if !found {
		return nil, nil
	}
	items, err := sequence(text)
	if err != nil {
		return nil, fmt.Errorf("is wrong: %w; write a list like [{service: stable, weight: 80}, {service: canary, weight: 20}]", err)
	}
	if len(items) == 0 || len(items) > maxWeighted {
		return nil, fmt.Errorf("has %d items; use 1 to %d, or remove the annotation", len(items), maxWeighted)
	}
	var weights []v1alpha1.HTTPScalerWeight
	total := int32(0)
	for i, item := range items {
		fields, err := scalars(item, []string{fieldWeightService, fieldWeight})
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i+1, err)
		}
		weight, err := weightOf(fields)
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i+1, err)
		}
		if slices.ContainsFunc(weights, func(w v1alpha1.HTTPScalerWeight) bool { return w.Service == weight.Service }) {
			return nil, fmt.Errorf("item %d: service %s is there twice; keep one", i+1, quote(weight.Service))
		}
		weights = append(weights, weight)
		total += weight.Weight
	}
	if total == 0 {
		return nil, fmt.Errorf("has no weight above 0, so no request would be served; raise one, or remove the annotation")
	}
	return weights, nil
}

func weightOf(fields map[string]string) (v1alpha1.HTTPScalerWeight, error) {
	service := fields[fieldWeightService]
	if len(validation.IsDNS1123Label(service)) > 0 {
		return v1alpha1.HTTPScalerWeight{}, fmt.Errorf("service %s is not the name of a Service; use the name alone", quote(service))
	}
	weight, err := strconv.ParseUint(fields[fieldWeight], 10, 8)
	if err != nil || weight > maxWeight {
		return v1alpha1.HTTPScalerWeight{}, fmt.Errorf("weight %s is not 0 to %d; use a whole number of per cent",
			quote(fields[fieldWeight]), maxWeight)
	}
	return v1alpha1.HTTPScalerWeight{Service: service, Weight: int32(weight)}, nil
}

// weighted returns the weights for this trigger: all of them when the annotation speaks of its
// Service, or when it leaves the Service to a Rollout.
func (r *reader) weighted(weights []v1alpha1.HTTPScalerWeight) []v1alpha1.HTTPScalerWeight {
	service := r.text(keyService)
	meant := service == "" || slices.ContainsFunc(weights, func(w v1alpha1.HTTPScalerWeight) bool { return w.Service == service })
	switch {
	case len(weights) == 0:
		return nil
	case r.pooled():
		r.warn(WeightsAnnotation, "annotation %s has no effect with inferencePool; remove it", WeightsAnnotation)
		return nil
	case !meant:
		r.warn(WeightsAnnotation, "annotation %s has no effect here, because it does not name service %s; add it",
			WeightsAnnotation, quote(service))
		return nil
	default:
		return weights
	}
}
