package status

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// mergeConditions returns the wanted conditions with the transition times of the live ones
// whose status did not change, followed by live conditions of types that belong to others: a
// type with the domain of another owner.
func mergeConditions(live, wanted []metav1.Condition, now metav1.Time) []metav1.Condition {
	merged := make([]metav1.Condition, 0, len(wanted))
	for _, condition := range wanted {
		condition.LastTransitionTime = now
		if at := indexOf(live, condition.Type); at >= 0 && live[at].Status == condition.Status {
			condition.LastTransitionTime = live[at].LastTransitionTime
		}
		merged = append(merged, condition)
	}
	for _, condition := range live {
		if foreign(condition.Type) && indexOf(wanted, condition.Type) < 0 {
			merged = append(merged, condition)
		}
	}
	return merged
}

func indexOf(conditions []metav1.Condition, kind string) int {
	return slices.IndexFunc(conditions, func(c metav1.Condition) bool { return c.Type == kind })
}

func foreign(kind string) bool {
	domain, _, found := strings.Cut(kind, "/")
	return found && domain != v1alpha1.GroupName
}

// mergeOwned returns the live entries of others, in their order, followed by the wanted
// entries, each with the transition times of the live entry that it replaces.
func mergeOwned[E any](live, wanted []E, row entry[E], now metav1.Time) []E {
	merged := make([]E, 0, len(live)+len(wanted))
	for _, e := range live {
		if *row.controller(&e) != v1alpha1.ControllerName {
			merged = append(merged, e)
		}
	}
	for _, e := range wanted {
		var before []metav1.Condition
		for i := range live {
			if *row.controller(&live[i]) == v1alpha1.ControllerName && row.same(live[i], e) {
				before = *row.conditions(&live[i])
			}
		}
		conditions := row.conditions(&e)
		*conditions = mergeConditions(before, *conditions, now)
		merged = append(merged, e)
	}
	return merged
}

// entry says how to read one kind of status entry that several controllers share a list of.
type entry[E any] struct {
	controller func(*E) *gwv1.GatewayController
	conditions func(*E) *[]metav1.Condition
	same       func(a, b E) bool // same parent
}
