package plan

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

const (
	kindScaledObject = "ScaledObject"
	kindGateway      = "Gateway"

	// healthSuffix ends the name of the route of a healthcheckPathPrefix.
	healthSuffix = ".health"
)

// Ports of the generated Gateway, as docs/kedify-http.md lists them.
const (
	portHTTP      = 8080
	portHTTPS     = 8443
	portInference = 9002
)

// Names of its listeners.
const (
	listenerHTTP      = "http"
	listenerHTTPS     = "https"
	listenerInference = "inference"
)

// Types of conditions of an HTTPScaler.
const (
	// ConditionAccepted: the trigger is valid and in force.
	ConditionAccepted = "Accepted"
	// ConditionResolvedRefs: what it names exists.
	ConditionResolvedRefs = "ResolvedRefs"
	// ConditionReady sums up: the trigger is in force, its demand is counted, its Gateway is programmed, and no request waits
	// in vain. It is False with the reason of the condition that keeps it from being so, and Unknown while that is not known.
	ConditionReady = "Ready"
	// ConditionWeights: the annotation with weights is in force; absent without one.
	ConditionWeights = "WeightsAccepted"
	// ConditionRewired: foreign objects lead to the proxy; absent where none should. With autowire it is
	// written by the command "wiring", with any status.
	ConditionRewired = "Rewired"
	// ConditionBypassed: the demand is unknown, because requests may reach the application past
	// the proxies and none came through them, or because wired Services lead past them; absent otherwise.
	ConditionBypassed = "Bypassed"
	// ConditionSelectorMismatch: the pool selects other Pods than the Service; absent otherwise.
	ConditionSelectorMismatch = "SelectorMismatch"
	// ConditionWarnings: the trigger works, but perhaps not as its author thinks; absent
	// otherwise.
	ConditionWarnings = "Warnings"
)

// ownConditions are the types of conditions that a plan makes.
var ownConditions = []string{
	ConditionAccepted, ConditionResolvedRefs, ConditionReady, ConditionWeights, ConditionBypassed, ConditionRewired,
	ConditionSelectorMismatch, ConditionWarnings,
}

// Owns reports whether a condition of an HTTPScaler comes from a plan. Other conditions belong to other
// field owners. Rewired has one of two: a plan writes it with ReasonNotRewired, which is not used elsewhere,
// and the command "wiring" with other reasons. An item of a list that two owners apply cannot be taken back
// by one of them: the other one's key would stay, as a condition without a status, which the CRD refuses.
func Owns(condition metav1.Condition) bool {
	return slices.Contains(ownConditions, condition.Type) &&
		(condition.Type != ConditionRewired || condition.Reason == ReasonNotRewired)
}

// Reasons of conditions and events.
const (
	ReasonAccepted          = "Accepted"
	ReasonInvalid           = "Invalid"
	ReasonNotApplied        = "NotApplied"
	ReasonFailed            = "InternalError"
	ReasonAnotherAddress    = "AnotherScalerAddress"
	ReasonConflicted        = "Conflicted"
	ReasonUnsupported       = "UnsupportedValue"
	ReasonGatewayTaken      = "GatewayNotOurs"
	ReasonServiceTaken      = "ServiceNotOurs"
	ReasonNameTaken         = "NameTaken"
	ReasonValuesInvalid     = "InvalidProxyValues"
	ReasonResolved          = "ResolvedRefs"
	ReasonReady             = "Ready"
	ReasonPending           = "Pending"
	ReasonNotProgrammed     = "GatewayNotProgrammed"
	ReasonBackendNotFound   = "BackendNotFound"
	ReasonPortNotFound      = "PortNotFound"
	ReasonPoolNotFound      = "InferencePoolNotFound"
	ReasonRolloutNotFound   = "RolloutNotFound"
	ReasonServiceMissing    = "ServiceMissing"
	ReasonSecretNotFound    = "SecretNotFound"
	ReasonSecretInvalid     = "SecretInvalid"
	ReasonConfigMapNotFound = "ConfigMapNotFound"
	ReasonConfigMapInvalid  = "ConfigMapInvalid"
	ReasonTooMany           = "TooManyCertificates"
	ReasonNotCounted        = "MetricsServiceOff"
	ReasonWeighted          = "Weighted"
	ReasonNotRewired        = "NotRewired"
	ReasonNoRequestYet      = "NoRequestYet"
	ReasonDirect            = "Direct"
	ReasonRequestSeen       = "RequestSeen"
	ReasonMismatch          = "SelectorsDiffer"
	ReasonWarned            = "TriggerWarning"
)

// ScalerOfRoute is the key of the HTTPScaler of a generated route. Its label names the one that requests count for, and
// those of the route of a healthcheckPathPrefix count for none.
func ScalerOfRoute(route types.NamespacedName) types.NamespacedName {
	return types.NamespacedName{Namespace: route.Namespace, Name: strings.TrimSuffix(route.Name, healthSuffix)}
}

// Managed reports whether the product made the object.
func Managed(object Object) bool { return v1alpha1.Managed(object) }

// Generated reports whether the object was made for a ScaledObject.
func Generated(object Object) bool { return v1alpha1.Generated(object) }

func marks() map[string]string { return map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy} }

// owned is the metadata of what belongs to a ScaledObject. blockOwnerDeletion is left out: it
// would make deletion wait, and need a permission on its finalizers.
func (c *candidate) owned(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: c.key.Namespace, Name: name, Labels: marks(),
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: kedav1alpha1.GroupVersion.String(), Kind: kindScaledObject, Name: c.owner.Name, UID: c.owner.UID, Controller: ptr.To(true),
		}},
	}
}
