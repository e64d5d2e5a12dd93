package class

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
)

// Status returns the whole status of a GatewayClass of this controller.
func Status(c Result) gwv1.GatewayClassStatus {
	return gwv1.GatewayClassStatus{
		Conditions:        []metav1.Condition{accepted(c), supportedVersion(c)},
		SupportedFeatures: supportedFeatures(c),
	}
}

func accepted(c Result) metav1.Condition {
	kind := gwv1.GatewayClassConditionStatusAccepted
	if !c.Problem.None() {
		return resolve.Condition(kind, metav1.ConditionFalse, c.Problem.Reason, c.Problem.Message, c.Generation)
	}
	return resolve.Condition(kind, metav1.ConditionTrue, gwv1.GatewayClassReasonAccepted,
		"The GatewayClass is accepted by this controller.", c.Generation)
}

// supportedVersion says whether the installed CRDs are known. Others are served as well as
// possible, which the API expresses as Accepted without SupportedVersion.
func supportedVersion(c Result) metav1.Condition {
	kind := gwv1.GatewayClassConditionStatusSupportedVersion
	unknown := c.Installed.unsupported()
	if len(unknown) == 0 {
		return resolve.Condition(kind, metav1.ConditionTrue, gwv1.GatewayClassReasonSupportedVersion,
			"The Gateway API CRDs are of a supported version ("+earlierVersion+" or "+minorVersion(BundleVersion)+").", c.Generation)
	}
	return resolve.Condition(kind, metav1.ConditionFalse, gwv1.GatewayClassReasonUnsupportedVersion,
		"Gateway API CRDs have the bundle version "+strings.Join(unknown, ", ")+
			"; install "+BundleVersion+", or another patch release of "+earlierVersion+" or "+minorVersion(BundleVersion)+".", c.Generation)
}
