package listener

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
)

// reasonParentNotProgrammed is named by the API (ListenerSetConditionProgrammed), which has
// no constant for it.
const reasonParentNotProgrammed = "ParentNotProgrammed"

// SetStatus returns the whole status of a ListenerSet of the Gateway.
func SetStatus(in StatusInput, set resolve.ListenerSetResult) gwv1.ListenerSetStatus {
	self := resolve.Object{Kind: store.ListenerSet, Key: set.Key}
	status := gwv1.ListenerSetStatus{Listeners: []gwv1.ListenerEntryStatus{}}
	listeners := in.Result.ListenersOf(self)
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

func (in StatusInput) setProgrammed(set resolve.ListenerSetResult, listeners []resolve.Listener) metav1.Condition {
	kind := gwv1.ListenerSetConditionProgrammed
	state := in.setState(set, listeners)
	if state.None() {
		return resolve.Condition(kind, metav1.ConditionTrue, gwv1.ListenerSetReasonProgrammed,
			"The proxies have the listeners of the ListenerSet.", set.Generation)
	}
	return resolve.Condition(kind, metav1.ConditionFalse, state.Reason, state.Message, set.Generation)
}

// setState says why the set is not programmed: itself first, then the addresses, which are
// the Gateway's, then its listeners.
func (in StatusInput) setState(set resolve.ListenerSetResult, listeners []resolve.Listener) resolve.Problem {
	accepted := resolve.FindCondition(set.Conditions, gwv1.ListenerSetConditionAccepted)
	switch {
	case accepted.Reason == string(gwv1.ListenerSetReasonParentNotAccepted):
		return resolve.Problem{Reason: reasonParentNotProgrammed, Message: accepted.Message}
	case accepted.Status != metav1.ConditionTrue:
		return resolve.Problem{Reason: accepted.Reason, Message: accepted.Message}
	case in.Unusable != "":
		return resolve.Problem{Reason: reasonParentNotProgrammed, Message: "The Gateway has not the addresses that it wants."}
	case len(in.Addresses) == 0:
		return resolve.Problem{Reason: reasonParentNotProgrammed, Message: "The Gateway has no address yet."}
	}
	progress := in.progressOf(listeners)
	switch {
	case len(progress.waiting) > 0:
		return resolve.Problemf(gwv1.ListenerSetReasonPending, "%s", in.missing(progress.waiting))
	case len(progress.served) == 0:
		return resolve.Problemf(gwv1.ListenerSetReasonListenersNotValid,
			"No listener of the ListenerSet can serve; the conditions of each listener say why.")
	}
	return resolve.Problem{}
}
