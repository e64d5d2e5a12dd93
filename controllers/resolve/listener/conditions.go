package listener

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
)

// acceptance is why the listener is not accepted: a conflict counts before everything else.
func (d *declared) acceptance() resolve.Problem {
	if !d.conflict.None() {
		return d.conflict
	}
	return d.accepted
}

// serves reports whether the listener takes traffic.
func (d *declared) serves() bool { return d.acceptance().None() && !d.unusable }

// finished returns the listener with its conditions, all but Programmed.
func (d *declared) finished() resolve.Listener {
	d.Serving = d.serves()
	if d.Serving {
		d.Chain = chainID(d.Listener)
	} else {
		d.TLS, d.Filters = nil, nil
	}
	d.Closed = d.closed()
	d.Conditions = []metav1.Condition{
		d.condition(gwv1.ListenerConditionAccepted, d.acceptance(), resolve.Problem{
			Reason:  string(gwv1.ListenerReasonAccepted),
			Message: "The listener is accepted." + d.ignored,
		}),
		d.condition(gwv1.ListenerConditionResolvedRefs, d.resolved, resolve.Problem{
			Reason:  string(gwv1.ListenerReasonResolvedRefs),
			Message: "All references of the listener are resolved.",
		}),
		d.conflicted(),
	}
	if d.overlap != "" {
		d.Conditions = append(d.Conditions, resolve.Condition(gwv1.ListenerConditionOverlappingTLSConfig, metav1.ConditionTrue,
			gwv1.ListenerReasonOverlappingHostnames,
			"The hostname overlaps with that of "+d.overlap+" on the same port. A client that reuses a connection for a "+
				"name of another listener gets 421 and connects anew; hostnames without overlap avoid it.", d.generation))
	}
	return d.Listener
}

// condition is True with the message of good, or False with that of the problem.
func (d *declared) condition(kind gwv1.ListenerConditionType, problem, good resolve.Problem) metav1.Condition {
	if problem.None() {
		return resolve.Condition(kind, metav1.ConditionTrue, good.Reason, good.Message, d.generation)
	}
	return resolve.Condition(kind, metav1.ConditionFalse, problem.Reason, problem.Message, d.generation)
}

func (d *declared) conflicted() metav1.Condition {
	if d.conflict.None() {
		return resolve.Condition(gwv1.ListenerConditionConflicted, metav1.ConditionFalse,
			gwv1.ListenerReasonNoConflicts, "No other listener claims the same port and hostname.", d.generation)
	}
	return resolve.Condition(gwv1.ListenerConditionConflicted, metav1.ConditionTrue, d.conflict.Reason, d.conflict.Message, d.generation)
}
