package turns

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// Of orders keys so that namespaces take turns, beginning with the one after last: one key of each namespace, then the next of each.
// Keys of one namespace stay in their order.
func Of(keys []types.NamespacedName, last string) []types.NamespacedName {
	byNamespace := map[string][]types.NamespacedName{}
	for _, key := range keys {
		byNamespace[key.Namespace] = append(byNamespace[key.Namespace], key)
	}
	namespaces := make([]string, 0, len(byNamespace))
	for namespace := range byNamespace {
		namespaces = append(namespaces, namespace)
	}
	slices.Sort(namespaces)
	first, found := slices.BinarySearchFunc(namespaces, last, strings.Compare)
	if found {
		first++
	}
	namespaces = slices.Concat(namespaces[first:], namespaces[:first])
	ordered := make([]types.NamespacedName, 0, len(keys))
	for round := 0; len(ordered) < len(keys); round++ {
		for _, namespace := range namespaces {
			if of := byNamespace[namespace]; round < len(of) {
				ordered = append(ordered, of[round])
			}
		}
	}
	return ordered
}
