package tracing

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	gwxv1 "sigs.k8s.io/gateway-api/apisx/v1alpha1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/policy"
	"github.com/kedify/inference-gateway/controllers/store"
)

// Targets returns the Gateways that a policy names, each once.
func Targets(p *gwxv1.XTelemetryPolicy) (gateways []types.NamespacedName) {
	seen := map[types.NamespacedName]bool{}
	for _, ref := range p.Spec.TargetRefs {
		key := types.NamespacedName{Namespace: p.Namespace, Name: string(ref.Name)}
		if targetsGateway(ref) && !seen[key] {
			seen[key] = true
			gateways = append(gateways, key)
		}
	}
	return gateways
}

// Status returns our entries of the status of an XTelemetryPolicy: one for each of the Gateways, which are targets of the policy and of
// this controller. It is never nil: the API requires the list.
func Status(v store.View, p *gwxv1.XTelemetryPolicy, gateways []types.NamespacedName) []gwv1.PolicyAncestorStatus {
	said, entries := read(v, p), []gwv1.PolicyAncestorStatus{}
	for _, gateway := range gateways {
		first := inForce(v, gateway)
		conditions := []metav1.Condition{said.accepted(p, first, gateway), said.resolved(p)}
		entries = append(entries, policy.Ancestors([]types.NamespacedName{gateway}, conditions)...)
	}
	return entries
}

// accepted says whether the policy is in force for a Gateway, for which first is.
func (s said) accepted(p, first *gwxv1.XTelemetryPolicy, gateway types.NamespacedName) metav1.Condition {
	kind, problem := gwv1.PolicyConditionAccepted, s.invalid
	if problem.None() && first != nil && store.KeyOf(first) != store.KeyOf(p) {
		problem = resolve.Problemf(gwv1.PolicyReasonConflicted,
			"XTelemetryPolicy %s has Gateway %s as a target, too, and is in force, because it is older or first by name; remove one of the two.",
			store.KeyOf(first), gateway)
	}
	if !problem.None() {
		return resolve.Condition(kind, metav1.ConditionFalse, problem.Reason, problem.Message, p.Generation)
	}
	message := "The policy is in force."
	if !s.decides() {
		message = "The policy is in force, and leaves tracing to the GatewayParameters of the Gateway."
	}
	return resolve.Condition(kind, metav1.ConditionTrue, gwv1.PolicyReasonAccepted, message, p.Generation)
}

func (s said) resolved(p *gwxv1.XTelemetryPolicy) metav1.Condition {
	kind := gwxv1.TelemetryPolicyConditionResolvedRefs
	if !s.unresolved.None() {
		return resolve.Condition(kind, metav1.ConditionFalse, s.unresolved.Reason, s.unresolved.Message+" No span is sent.", p.Generation)
	}
	return resolve.Condition(kind, metav1.ConditionTrue, gwxv1.TelemetryPolicyReasonResolvedRefs, "All references are resolved.", p.Generation)
}
