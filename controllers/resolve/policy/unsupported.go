package policy

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	gwxv1 "sigs.k8s.io/gateway-api/apisx/v1alpha1"

	"github.com/kedify/inference-gateway/controllers/resolve"
)

// ReasonUnsupported is why an object of a kind that this product does not serve is not accepted.
const ReasonUnsupported gwv1.PolicyConditionReason = "Unsupported"

// TrafficStatus returns our entries of the status of an XBackendTrafficPolicy: one for each Gateway whose routes use a target,
// which says that the policy has no effect.
func TrafficStatus(unsupported *gwxv1.XBackendTrafficPolicy, gateways []types.NamespacedName) []gwv1.PolicyAncestorStatus {
	var fields []string
	if unsupported.Spec.RetryConstraint != nil {
		fields = append(fields, "spec.retryConstraint")
	}
	if unsupported.Spec.SessionPersistence != nil { //nolint:staticcheck // deprecated, and users may have it
		fields = append(fields, "spec.sessionPersistence")
	}
	message := "XBackendTrafficPolicies are not supported, and this one has no effect"
	if len(fields) > 0 {
		message += ": " + strings.Join(fields, " and ") + " of it"
	}
	return Ancestors(gateways, []metav1.Condition{resolve.Condition(gwv1.PolicyConditionAccepted, metav1.ConditionFalse,
		ReasonUnsupported, message+". Remove it; retry of a rule, and envoy.route and envoy.cluster of GatewayParameters, bound retries.",
		unsupported.Generation)})
}

// XBackendStatus returns our entries of the status of an XBackend: one for each Gateway whose routes refer to it, which says that
// nothing is sent to it.
func XBackendStatus(unsupported *gwxv1.XBackend, gateways []types.NamespacedName) []gwxv1.BackendAncestorStatus {
	policies := Ancestors(gateways, []metav1.Condition{resolve.Condition(gwv1.PolicyConditionAccepted, metav1.ConditionFalse,
		ReasonUnsupported, "XBackends are not supported, and requests for this one are answered with 500. Name a Service in the backendRef.",
		unsupported.Generation)})
	entries := make([]gwxv1.BackendAncestorStatus, 0, len(policies))
	for _, entry := range policies {
		entries = append(entries, gwxv1.BackendAncestorStatus{
			AncestorRef: entry.AncestorRef, ControllerName: entry.ControllerName, Conditions: entry.Conditions,
		})
	}
	return entries
}
