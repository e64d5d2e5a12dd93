package scaledobject

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
)

// sameStatus compares the fields that this package writes. Conditions of other types belong to other
// field owners.
func sameStatus(live, wanted v1alpha1.HTTPScalerStatus) bool {
	if live.Route != wanted.Route || live.Gateway != wanted.Gateway {
		return false
	}
	for _, condition := range wanted.Conditions {
		at := slices.IndexFunc(live.Conditions, func(c metav1.Condition) bool { return c.Type == condition.Type })
		if at < 0 || live.Conditions[at] != condition {
			return false
		}
	}
	return !slices.ContainsFunc(live.Conditions, func(c metav1.Condition) bool {
		return plan.Owns(c) &&
			!slices.ContainsFunc(wanted.Conditions, func(w metav1.Condition) bool { return w.Type == c.Type })
	})
}

// statusToApply is the apply configuration of a status.
func statusToApply(object *v1alpha1.HTTPScaler) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, fmt.Errorf("convert %s: %w", object.Name, err)
	}
	delete(content, "spec")
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	return &unstructured.Unstructured{Object: content}, nil
}
