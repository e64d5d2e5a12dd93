package chain

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// backend adds whether a backend has a Pod for a request.
func (l *list) backend(backend Backend, trigger *Trigger) {
	subject := backend.Object.String()
	if !l.exists("backend", subject, backend.Object, backend.Read) {
		return
	}
	if backend.Port != 0 && len(backend.Ports) > 0 && !slices.Contains(backend.Ports, backend.Port) {
		l.add("backend", subject, Failed, fmt.Sprintf("it has no port %d; its ports are %v.", backend.Port, backend.Ports),
			"correct the port of the backendRef")
		return
	}
	l.policies(backend)
	switch {
	case backend.Ready > 0:
		l.ok("endpoints", subject, "%d of %d endpoints are ready.", backend.Ready, backend.Endpoints)
	case backend.Selector != "" && len(backend.Pods) == 0 && scaledToZero(trigger):
		l.idle("endpoints", subject, "no Pod runs: the application is at zero, and a request starts it.")
	case backend.Selector != "" && len(backend.Pods) == 0:
		l.add("endpoints", subject, Failed, fmt.Sprintf("its selector %s takes no Pod.", backend.Selector),
			"make the selector and the labels of the Pods equal, or give the workload replicas")
	case waiting(backend.Pods) != "":
		l.add("endpoints", subject, Failed,
			fmt.Sprintf("none of the %d Pods that it selects is ready: %s.", len(backend.Pods), waiting(backend.Pods)),
			"repair what keeps the Pods from becoming ready")
	case backend.Endpoints > 0:
		l.add("endpoints", subject, Failed, fmt.Sprintf("none of its %d endpoints is ready.", backend.Endpoints),
			"see the readiness probe of the Pods")
	default:
		l.add("endpoints", subject, Failed, "it has no endpoint.", "give the Service a selector that takes Pods, or EndpointSlices of its own")
	}
}

// policies adds what keeps the BackendTLSPolicies of a backend from working.
func (l *list) policies(backend Backend) {
	if backend.PoliciesUnread != "" {
		l.unknown("policy", backend.Object.String(), "its BackendTLSPolicies could not be read: %s.",
			strings.TrimSuffix(backend.PoliciesUnread, "."))
	}
	for _, policy := range backend.Policies {
		for _, kind := range []string{string(gwv1.BackendTLSPolicyConditionResolvedRefs), string(gwv1.PolicyConditionAccepted)} {
			condition := meta.FindStatusCondition(policy.Conditions, kind)
			if condition == nil || condition.Status != metav1.ConditionFalse {
				continue
			}
			if condition.Reason == string(gwv1.PolicyReasonConflicted) {
				l.idle("policy", policy.Object.String(), "another policy is in force: %s", conditionText(*condition))
			} else {
				l.add("policy", policy.Object.String(), Failed, conditionText(*condition), "create or correct what the message names")
			}
			break
		}
	}
}

// scaledToZero reports whether a trigger may have its application at zero.
func scaledToZero(trigger *Trigger) bool {
	return trigger != nil && trigger.Scaler != nil && (trigger.Scaler.Spec.Scale.Min == 0 || trigger.Scaler.Spec.Scale.Idle != nil)
}

// OfPool explains an InferencePool.
func OfPool(f PoolFacts) Checklist {
	l := newList(f.Backend.Object)
	if !l.exists("admitted", "", f.Backend.Object, f.Backend.Read) {
		return l.Checklist
	}
	if len(f.Routes) == 0 {
		l.add("route", "", Failed, "no HTTPRoute or GRPCRoute leads to the pool.", "name the pool in a backendRef of a route")
	}
	for _, route := range f.Routes {
		l.ok("route", route.Object.String(), "leads to the pool.")
	}
	for _, parent := range f.Parents {
		for _, kind := range []string{"Accepted", "ResolvedRefs"} {
			l.condition("resolved", parent.Parent, parent.Conditions, expected{kind: kind, want: "True", fix: "change what the message names"})
		}
	}
	if len(f.Parents) == 0 && len(f.Routes) > 0 {
		l.unknown("resolved", "", "no controller has written a status of the pool yet.")
	}
	l.picker(f)
	l.backend(f.Backend, triggerOf(f.Triggers, f.Backend))
	for _, trigger := range f.Triggers {
		l.released(trigger, f.Views)
	}
	return l.Checklist
}

// picker adds whether the endpoint picker can be asked.
func (l *list) picker(f PoolFacts) {
	if f.Picker == nil {
		l.add("picker", "", Failed, "endpointPickerRef names no Service.", "name the Service of an endpoint picker in spec.endpointPickerRef")
		return
	}
	subject := f.Picker.Object.String()
	if !l.exists("picker", subject, f.Picker.Object, f.Picker.Read) {
		return
	}
	if f.Picker.Ready > 0 {
		l.ok("picker", subject, "%d of %d endpoints are ready.", f.Picker.Ready, f.Picker.Endpoints)
		return
	}
	consequence := "requests to the pool fail"
	if f.FailOpen {
		consequence = "requests go to any ready Pod of the pool"
	}
	evidence := fmt.Sprintf("none of its endpoints is ready: %s", consequence)
	if reasons := waiting(f.Picker.Pods); reasons != "" {
		evidence += "; " + reasons
	}
	l.add("picker", subject, Failed, evidence+".", "repair the Pods of the endpoint picker")
}
