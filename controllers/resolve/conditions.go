package resolve

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MaxMessageBytes keeps messages below what the API server takes (metav1.Condition: 32768
// characters): a status that is refused would say nothing at all.
const MaxMessageBytes = 32768

// Condition builds a condition without times; the writer of statuses adds transition times.
// Kinds and reasons are the string types of Gateway API and of the Inference Extension.
func Condition[K, R ~string](kind K, status metav1.ConditionStatus, reason R, message string, generation int64) metav1.Condition {
	return metav1.Condition{
		Type:               string(kind),
		Status:             status,
		Reason:             string(reason),
		Message:            storable(message),
		ObservedGeneration: generation,
	}
}

// storable returns the message as it comes back from the API server. Bytes that are not UTF-8,
// as in a text of a proxy, would come back as others and be written again for ever.
func storable(message string) string {
	const cut = " ..."
	if len(message) > MaxMessageBytes {
		message = message[:MaxMessageBytes-len(cut)] + cut
	}
	return strings.ToValidUTF8(message, "")
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
