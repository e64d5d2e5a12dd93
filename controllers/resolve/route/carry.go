package route

import (
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Carry returns a status for a parent with what the entry of the same parent in an earlier status says that proxies refuse. A
// status that says itself what they refuse stays as it is.
func Carry(status gwv1.RouteParentStatus, earlier []gwv1.RouteParentStatus) gwv1.RouteParentStatus {
	at := slices.IndexFunc(earlier, func(e gwv1.RouteParentStatus) bool { return reflect.DeepEqual(e.ParentRef, status.ParentRef) })
	if at < 0 || meta.FindStatusCondition(status.Conditions, string(ConditionProgrammed)) != nil {
		return status
	}
	var carried []string
	if meta.IsStatusConditionTrue(status.Conditions, string(gwv1.RouteConditionAccepted)) {
		carried = append(carried, string(gwv1.RouteConditionPartiallyInvalid))
	}
	carried = append(carried, string(ConditionProgrammed))
	status.Conditions = slices.Clone(status.Conditions)
	for _, kind := range carried {
		condition := meta.FindStatusCondition(earlier[at].Conditions, kind)
		if condition == nil {
			continue
		}
		kept := *condition
		kept.LastTransitionTime = metav1.Time{} // the writer of statuses knows it
		if own := meta.FindStatusCondition(status.Conditions, kind); own != nil {
			*own = kept
		} else {
			status.Conditions = append(status.Conditions, kept)
		}
	}
	return status
}
