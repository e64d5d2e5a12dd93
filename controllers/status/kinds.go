package status

import (
	"reflect"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	gwxv1 "sigs.k8s.io/gateway-api/apisx/v1alpha1"

	"github.com/kedify/inference-gateway/controllers/store"
)

// kinds says for each kind whose status this controller writes how a wanted value is merged into a copy of
// the live object. This is the only place that lists them.
var kinds = map[store.Kind]func(live client.Object, wanted any, now metav1.Time){
	store.GatewayClass:     mergeClass,
	store.Gateway:          mergeGateway,
	store.ListenerSet:      mergeListenerSet,
	store.HTTPRoute:        mergeRoute,
	store.GRPCRoute:        mergeRoute,
	store.TLSRoute:         mergeRoute,
	store.TCPRoute:         mergeRoute,
	store.UDPRoute:         mergeRoute,
	store.BackendTLSPolicy: mergePolicy,
	store.InferencePool:    mergePool,

	store.XBackend:              mergeXBackend,
	store.XBackendTrafficPolicy: mergePolicy,
	store.XTelemetryPolicy:      mergePolicy,
}

// Has reports whether this controller writes the status of the kind.
func Has(kind store.Kind) bool { return kinds[kind] != nil }

func mergeClass(live client.Object, wanted any, now metav1.Time) {
	class, status := live.(*gwv1.GatewayClass), wanted.(*gwv1.GatewayClassStatus)
	conditions := mergeConditions(class.Status.Conditions, status.Conditions, now)
	class.Status = *status.DeepCopy()
	class.Status.Conditions = conditions
}

func mergeGateway(live client.Object, wanted any, now metav1.Time) {
	gateway, status := live.(*gwv1.Gateway), wanted.(*gwv1.GatewayStatus).DeepCopy()
	status.Conditions = mergeConditions(gateway.Status.Conditions, status.Conditions, now)
	for i := range status.Listeners {
		listener := &status.Listeners[i]
		var before []metav1.Condition
		if at := slices.IndexFunc(gateway.Status.Listeners, func(l gwv1.ListenerStatus) bool { return l.Name == listener.Name }); at >= 0 {
			before = gateway.Status.Listeners[at].Conditions
		}
		listener.Conditions = mergeConditions(before, listener.Conditions, now)
	}
	gateway.Status = *status
}

func mergeListenerSet(live client.Object, wanted any, now metav1.Time) {
	set, status := live.(*gwv1.ListenerSet), wanted.(*gwv1.ListenerSetStatus).DeepCopy()
	status.Conditions = mergeConditions(set.Status.Conditions, status.Conditions, now)
	for i := range status.Listeners {
		listener := &status.Listeners[i]
		var before []metav1.Condition
		if at := slices.IndexFunc(set.Status.Listeners, func(l gwv1.ListenerEntryStatus) bool { return l.Name == listener.Name }); at >= 0 {
			before = set.Status.Listeners[at].Conditions
		}
		listener.Conditions = mergeConditions(before, listener.Conditions, now)
	}
	set.Status = *status
}

// routeEntry, policyEntry, xBackendEntry and poolEntry read the shared lists.
var (
	routeEntry = entry[gwv1.RouteParentStatus]{
		controller: func(e *gwv1.RouteParentStatus) *gwv1.GatewayController { return &e.ControllerName },
		conditions: func(e *gwv1.RouteParentStatus) *[]metav1.Condition { return &e.Conditions },
		same:       func(a, b gwv1.RouteParentStatus) bool { return reflect.DeepEqual(a.ParentRef, b.ParentRef) },
	}
	policyEntry = entry[gwv1.PolicyAncestorStatus]{
		controller: func(e *gwv1.PolicyAncestorStatus) *gwv1.GatewayController { return &e.ControllerName },
		conditions: func(e *gwv1.PolicyAncestorStatus) *[]metav1.Condition { return &e.Conditions },
		same:       func(a, b gwv1.PolicyAncestorStatus) bool { return reflect.DeepEqual(a.AncestorRef, b.AncestorRef) },
	}
	xBackendEntry = entry[gwxv1.BackendAncestorStatus]{
		controller: func(e *gwxv1.BackendAncestorStatus) *gwv1.GatewayController { return &e.ControllerName },
		conditions: func(e *gwxv1.BackendAncestorStatus) *[]metav1.Condition { return &e.Conditions },
		same:       func(a, b gwxv1.BackendAncestorStatus) bool { return reflect.DeepEqual(a.AncestorRef, b.AncestorRef) },
	}
	poolEntry = entry[inferencev1.ParentStatus]{
		controller: func(e *inferencev1.ParentStatus) *gwv1.GatewayController {
			return (*gwv1.GatewayController)(&e.ControllerName)
		},
		conditions: func(e *inferencev1.ParentStatus) *[]metav1.Condition { return &e.Conditions },
		same:       func(a, b inferencev1.ParentStatus) bool { return reflect.DeepEqual(a.ParentRef, b.ParentRef) },
	}
)

func mergeRoute(live client.Object, wanted any, now metav1.Time) {
	status := store.RouteStatus(live)
	status.Parents = mergeOwned(status.Parents, deepCopy(wanted.([]gwv1.RouteParentStatus)), routeEntry, now)
}

func mergePolicy(live client.Object, wanted any, now metav1.Time) {
	var ancestors *[]gwv1.PolicyAncestorStatus
	switch policy := live.(type) {
	case *gwv1.BackendTLSPolicy:
		ancestors = &policy.Status.Ancestors
	case *gwxv1.XBackendTrafficPolicy:
		ancestors = &policy.Status.Ancestors
	case *gwxv1.XTelemetryPolicy:
		ancestors = &policy.Status.Ancestors
	}
	*ancestors = mergeOwned(*ancestors, deepCopy(wanted.([]gwv1.PolicyAncestorStatus)), policyEntry, now)
}

func mergeXBackend(live client.Object, wanted any, now metav1.Time) {
	status := &live.(*gwxv1.XBackend).Status
	status.Ancestors = mergeOwned(status.Ancestors, deepCopy(wanted.([]gwxv1.BackendAncestorStatus)), xBackendEntry, now)
}

func mergePool(live client.Object, wanted any, now metav1.Time) {
	pool := live.(*inferencev1.InferencePool)
	pool.Status.Parents = mergeOwned(pool.Status.Parents, deepCopy(wanted.([]inferencev1.ParentStatus)), poolEntry, now)
}

// deepCopy copies a slice whose elements know how to copy themselves: wanted values are
// shared with the engine and must not be modified.
func deepCopy[E any, P interface {
	*E
	DeepCopyInto(*E)
}](in []E) []E {
	out := make([]E, len(in))
	for i := range in {
		P(&in[i]).DeepCopyInto(&out[i])
	}
	return out
}
