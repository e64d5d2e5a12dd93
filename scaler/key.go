package scaler

import (
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// ParseKey is the inverse of String of a demand key: it returns the key of "<namespace>/<name>".
func ParseKey(text string) (types.NamespacedName, bool) {
	namespace, name, ok := strings.Cut(text, "/")
	if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
		return types.NamespacedName{}, false
	}
	return types.NamespacedName{Namespace: namespace, Name: name}, true
}
