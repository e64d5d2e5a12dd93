package status

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

var (
	before = metav1.NewTime(time.Unix(1_700_000_000, 0).UTC())
	now    = metav1.NewTime(time.Unix(1_700_000_100, 0).UTC())
)

func condition(kind string, status metav1.ConditionStatus, at metav1.Time) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: "R", LastTransitionTime: at}
}

func TestMergeConditions(t *testing.T) {
	live := []metav1.Condition{
		condition("Accepted", metav1.ConditionTrue, before),
		condition("Programmed", metav1.ConditionUnknown, before),
		condition("ResolvedRefs", metav1.ConditionTrue, before),                  // of the product, no longer wanted
		condition("gateway.kedify.io/Programmed", metav1.ConditionFalse, before), // of the product by its domain, no longer wanted
		condition("example.com/Audited", metav1.ConditionTrue, before),           // of another owner
	}
	wanted := []metav1.Condition{
		condition("Accepted", metav1.ConditionTrue, metav1.Time{}),
		condition("Programmed", metav1.ConditionTrue, metav1.Time{}),
	}
	want := []metav1.Condition{
		condition("Accepted", metav1.ConditionTrue, before),
		condition("Programmed", metav1.ConditionTrue, now),
		condition("example.com/Audited", metav1.ConditionTrue, before),
	}
	if diff := cmp.Diff(want, mergeConditions(live, wanted, now)); diff != "" {
		t.Error(diff)
	}
}

func parent(controller, name string, conditions ...metav1.Condition) gwv1.RouteParentStatus {
	return gwv1.RouteParentStatus{
		ControllerName: gwv1.GatewayController(controller),
		ParentRef:      gwv1.ParentReference{Name: gwv1.ObjectName(name)},
		Conditions:     conditions,
	}
}

func TestMergeRouteKeepsOthers(t *testing.T) {
	const other = "example.com/controller"
	route := &gwv1.HTTPRoute{}
	route.Status.Parents = []gwv1.RouteParentStatus{
		parent(v1alpha1.ControllerName, "stale", condition("Accepted", metav1.ConditionTrue, before)),
		parent(other, "theirs", condition("Accepted", metav1.ConditionFalse, before)),
		parent(v1alpha1.ControllerName, "a", condition("Accepted", metav1.ConditionTrue, before)),
		parent(other, "a", condition("Accepted", metav1.ConditionFalse, before)),
	}
	wanted := []gwv1.RouteParentStatus{
		parent(v1alpha1.ControllerName, "a", condition("Accepted", metav1.ConditionTrue, metav1.Time{})),
		parent(v1alpha1.ControllerName, "b", condition("Accepted", metav1.ConditionTrue, metav1.Time{})),
	}
	mergeRoute(route, wanted, now)
	want := []gwv1.RouteParentStatus{
		parent(other, "theirs", condition("Accepted", metav1.ConditionFalse, before)),
		parent(other, "a", condition("Accepted", metav1.ConditionFalse, before)),
		parent(v1alpha1.ControllerName, "a", condition("Accepted", metav1.ConditionTrue, before)),
		parent(v1alpha1.ControllerName, "b", condition("Accepted", metav1.ConditionTrue, now)),
	}
	if diff := cmp.Diff(want, route.Status.Parents); diff != "" {
		t.Error(diff)
	}
	if !wanted[0].Conditions[0].LastTransitionTime.IsZero() {
		t.Error("the wanted value, which the engine shares, was modified")
	}
}

func TestMergeRouteRemovesOursWhenNothingIsWanted(t *testing.T) {
	route := &gwv1.HTTPRoute{}
	route.Status.Parents = []gwv1.RouteParentStatus{parent(v1alpha1.ControllerName, "a"), parent("example.com/c", "a")}
	mergeRoute(route, []gwv1.RouteParentStatus(nil), now)
	if len(route.Status.Parents) != 1 || route.Status.Parents[0].ControllerName != "example.com/c" {
		t.Errorf("parents = %v, want the entry of the other controller alone", route.Status.Parents)
	}
}

func TestMergeGatewayKeepsListenerTimes(t *testing.T) {
	gateway := &gwv1.Gateway{}
	gateway.Status.Listeners = []gwv1.ListenerStatus{
		{Name: "old", Conditions: []metav1.Condition{condition("Accepted", metav1.ConditionTrue, before)}},
		{Name: "http", Conditions: []metav1.Condition{condition("Accepted", metav1.ConditionTrue, before)}},
	}
	wanted := &gwv1.GatewayStatus{Listeners: []gwv1.ListenerStatus{
		{Name: "http", AttachedRoutes: 2, Conditions: []metav1.Condition{condition("Accepted", metav1.ConditionTrue, metav1.Time{}),
			condition("Programmed", metav1.ConditionTrue, metav1.Time{})}},
	}}
	mergeGateway(gateway, wanted, now)
	want := []gwv1.ListenerStatus{{Name: "http", AttachedRoutes: 2, Conditions: []metav1.Condition{
		condition("Accepted", metav1.ConditionTrue, before), condition("Programmed", metav1.ConditionTrue, now),
	}}}
	if diff := cmp.Diff(want, gateway.Status.Listeners); diff != "" {
		t.Error(diff)
	}
}
