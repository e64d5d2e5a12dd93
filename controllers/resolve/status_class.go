package resolve

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// ClassStatus returns the whole status of a GatewayClass of ours.
func ClassStatus(c ClassResult) gwv1.GatewayClassStatus {
	return gwv1.GatewayClassStatus{
		Conditions:        []metav1.Condition{classAccepted(c), classVersion(c)},
		SupportedFeatures: supportedFeatures(c.Installed),
	}
}

func classAccepted(c ClassResult) metav1.Condition {
	kind := gwv1.GatewayClassConditionStatusAccepted
	if !c.wrong.none() {
		return condition(kind, metav1.ConditionFalse, c.wrong.reason, c.wrong.message, c.Generation)
	}
	return condition(kind, metav1.ConditionTrue, gwv1.GatewayClassReasonAccepted,
		"The GatewayClass is accepted by this controller.", c.Generation)
}

// classVersion says whether the installed CRDs are known. Others are served as well as
// possible, which the API expresses as Accepted without SupportedVersion.
func classVersion(c ClassResult) metav1.Condition {
	kind := gwv1.GatewayClassConditionStatusSupportedVersion
	unknown := c.Installed.unsupported()
	if len(unknown) == 0 {
		return condition(kind, metav1.ConditionTrue, gwv1.GatewayClassReasonSupportedVersion,
			"The Gateway API CRDs are of a supported version ("+minorVersion(BundleVersion)+").", c.Generation)
	}
	return condition(kind, metav1.ConditionFalse, gwv1.GatewayClassReasonUnsupportedVersion,
		"Gateway API CRDs have the bundle version "+strings.Join(unknown, ", ")+
			"; install "+BundleVersion+" or another patch release of "+minorVersion(BundleVersion)+".", c.Generation)
}
