package rig

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Conditions returns all conditions of a status (status.Update.Value).
func Conditions(value any) (conditions []metav1.Condition) {
	switch value := value.(type) {
	case *gwv1.GatewayStatus:
		conditions = append(conditions, value.Conditions...)
		for _, l := range value.Listeners {
			conditions = append(conditions, l.Conditions...)
		}
	case *gwv1.ListenerSetStatus:
		conditions = append(conditions, value.Conditions...)
		for _, l := range value.Listeners {
			conditions = append(conditions, l.Conditions...)
		}
	case []gwv1.RouteParentStatus:
		for _, parent := range value {
			conditions = append(conditions, parent.Conditions...)
		}
	case []gwv1.PolicyAncestorStatus:
		for _, ancestor := range value {
			conditions = append(conditions, ancestor.Conditions...)
		}
	case []inferencev1.ParentStatus:
		for _, parent := range value {
			conditions = append(conditions, parent.Conditions...)
		}
	}
	return conditions
}
