package route

import (
	"reflect"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Refused returns the entries of this controller that say that proxies refuse something of this generation of a route.
func Refused(parents []gwv1.RouteParentStatus, generation int64) (refused []gwv1.RouteParentStatus) {
	for _, parent := range parents {
		said := find(parent.Conditions, string(ConditionProgrammed))
		if parent.ControllerName == v1alpha1.ControllerName && said != nil && said.Status == metav1.ConditionFalse &&
			said.Reason == string(ReasonRejectedByProxy) && said.ObservedGeneration == generation {
			refused = append(refused, parent)
		}
	}
	return refused
}

// Carry returns a status for a parent with what the entry of the same parent in an earlier status says that proxies refuse. A
// status that says itself what they refuse stays as it is.
func Carry(status gwv1.RouteParentStatus, earlier []gwv1.RouteParentStatus) gwv1.RouteParentStatus {
	at := slices.IndexFunc(earlier, func(e gwv1.RouteParentStatus) bool { return reflect.DeepEqual(e.ParentRef, status.ParentRef) })
	if at < 0 || find(status.Conditions, string(ConditionProgrammed)) != nil {
		return status
	}
	var carried []string
	if accepted := find(status.Conditions, string(gwv1.RouteConditionAccepted)); accepted != nil && accepted.Status == metav1.ConditionTrue {
		carried = append(carried, string(gwv1.RouteConditionPartiallyInvalid))
	}
	carried = append(carried, string(ConditionProgrammed))
	status.Conditions = slices.Clone(status.Conditions)
	for _, kind := range carried {
		condition := find(earlier[at].Conditions, kind)
		if condition == nil {
			continue
		}
		kept := *condition
		kept.LastTransitionTime = metav1.Time{} // the writer of statuses knows it
		if own := find(status.Conditions, kind); own != nil {
			*own = kept
		} else {
			status.Conditions = append(status.Conditions, kept)
		}
	}
	return status
}

// find returns a condition in the list; nil: there is none of the type.
func find(conditions []metav1.Condition, kind string) *metav1.Condition {
	for i := range conditions {
		if conditions[i].Type == kind {
			return &conditions[i]
		}
	}
	return nil
}
