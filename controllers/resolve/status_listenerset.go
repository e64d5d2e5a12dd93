package resolve

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/store"
)

// reasonParentNotProgrammed is named by the API (ListenerSetConditionProgrammed), which has
// no constant for it.
const reasonParentNotProgrammed = "ParentNotProgrammed"

// ListenerSetStatus returns the whole status of a ListenerSet of the Gateway.
func ListenerSetStatus(in GatewayStatusInput, set ListenerSetResult) gwv1.ListenerSetStatus {
	self := Object{Kind: store.ListenerSet, Key: set.Key}
	status := gwv1.ListenerSetStatus{Listeners: []gwv1.ListenerEntryStatus{}}
	listeners := in.Result.listenersOf(self)
	for _, l := range listeners {
		status.Listeners = append(status.Listeners, gwv1.ListenerEntryStatus{
			Name:           gwv1.SectionName(l.ID.Name),
			SupportedKinds: l.Kinds,
			AttachedRoutes: in.Attached[l.ID],
			Conditions:     append(slices.Clone(l.Conditions), in.listenerProgrammed(l, set.Generation)),
		})
	}
	status.Conditions = append(slices.Clone(set.Conditions), in.setProgrammed(set, listeners))
	return status
}

func (in GatewayStatusInput) setProgrammed(set ListenerSetResult, listeners []Listener) metav1.Condition {
	kind := gwv1.ListenerSetConditionProgrammed
	state := in.setState(set, listeners)
	if state.none() {
		return condition(kind, metav1.ConditionTrue, gwv1.ListenerSetReasonProgrammed, "The proxies have the listeners of the ListenerSet.", set.Generation)
	}
	return condition(kind, metav1.ConditionFalse, state.reason, state.message, set.Generation)
}

// setState says why the set is not programmed: itself first, then the addresses, which are
// the Gateway's, then its listeners.
func (in GatewayStatusInput) setState(set ListenerSetResult, listeners []Listener) refusal {
	accepted := findCondition(set.Conditions, gwv1.ListenerSetConditionAccepted)
	switch {
	case accepted.Reason == string(gwv1.ListenerSetReasonParentNotAccepted):
		return refusal{reason: reasonParentNotProgrammed, message: accepted.Message}
	case accepted.Status != metav1.ConditionTrue:
		return refusal{reason: accepted.Reason, message: accepted.Message}
	case in.AddressProblem != "":
		return refusal{reason: reasonParentNotProgrammed, message: "The Gateway has not the addresses that it wants."}
	case len(in.Addresses) == 0:
		return refusal{reason: reasonParentNotProgrammed, message: "The Gateway has no address yet."}
	}
	progress := in.progressOf(listeners)
	switch {
	case len(progress.waiting) > 0:
		return refuse(gwv1.ListenerSetReasonPending, "%s", in.missing(progress.waiting))
	case len(progress.served) == 0:
		return refuse(gwv1.ListenerSetReasonListenersNotValid, "No listener of the ListenerSet can serve; the conditions of each listener say why.")
	}
	return refusal{}
}
