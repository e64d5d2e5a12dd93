package resolve

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/internal/message"
)

// Condition builds a condition without times; the writer of statuses adds transition times.
// Kinds and reasons are the string types of Gateway API and of the Inference Extension.
func Condition[K, R ~string](kind K, status metav1.ConditionStatus, reason R, text string, generation int64) metav1.Condition {
	return metav1.Condition{
		Type:               string(kind),
		Status:             status,
		Reason:             string(reason),
		Message:            message.Condition(text),
		ObservedGeneration: generation,
	}
}

// FindCondition returns the condition of a type, or the zero one.
func FindCondition[K ~string](conditions []metav1.Condition, kind K) metav1.Condition {
	for _, c := range conditions {
		if c.Type == string(kind) {
			return c
		}
	}
	return metav1.Condition{}
}
