package scaledobject

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
)

// sameStatus compares the fields that this package writes. Conditions of other types belong to other
// field owners.
func sameStatus(live, wanted v1alpha1.HTTPScalerStatus) bool {
	if live.Route != wanted.Route || live.Gateway != wanted.Gateway || live.ObservedGeneration != wanted.ObservedGeneration {
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
