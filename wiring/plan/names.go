package plan

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/internal/message"
)

// Conditions of an HTTPScaler, and a reason of one.
const (
	// ConditionRewired: everything that leads to the application leads to the proxies.
	ConditionRewired      = "Rewired"
	conditionAccepted     = "Accepted"
	conditionResolvedRefs = "ResolvedRefs"
)

// Reasons of condition Rewired and of events. Those of mirror.Problem are reasons as well.
const (
	ReasonRewired     = "Rewired"
	ReasonRestored    = "Restored"
	ReasonNothing     = "NothingToRewire"
	ReasonWaiting     = "Waiting"
	ReasonUnsupported = "UnsupportedReference"
	ReasonPort        = "PortNotServed"
	ReasonHosts       = "HostsDiffer"
	ReasonPaths       = "PathsDiffer"
	ReasonHeaders     = "HeadersDiffer"
	ReasonUnmatched   = "RequestsNotMatched"
	ReasonKind        = "KindNotAllowed"
	ReasonTLS         = "TLSNotServed"
	ReasonConflicted  = "Conflicted"
	ReasonNoRoute     = "NoRoute"
	ReasonMixed       = "MixedParents"
	ReasonLimited     = "RewritesLimited"
	ReasonRefused     = "WriteRefused"
	ReasonFailed      = "InternalError"
	ReasonLeftover    = "LeftoverDeleted"
)

// ReasonNotRewired is the one that the controllers give while autowiring is off. With it the condition is theirs.
const ReasonNotRewired = "NotRewired"

// reason is why something is not wired, in a sentence. The zero value: it is.
type reason struct{ name, text string }

func (r reason) none() bool { return r.name == "" }

func because(name, format string, args ...any) reason {
	return reason{name, fmt.Sprintf(format, args...)}
}

func conditionOf(value bool, why reason) *metav1.Condition {
	condition := &metav1.Condition{
		Type: ConditionRewired, Status: metav1.ConditionFalse, Reason: why.name, Message: message.Condition(why.text),
	}
	if value {
		condition.Status = metav1.ConditionTrue
	}
	return condition
}

// standing is what the controllers say of a trigger.
type standing int

const (
	// unsaid: nothing yet, or that the last valid version is in force. What is wired stays so.
	unsaid standing = iota
	// served: the proxies have a route for its requests.
	served
	// unserved: they have none.
	unserved
)

func standingOf(scaler *v1alpha1.HTTPScaler) standing {
	accepted := meta.FindStatusCondition(scaler.Status.Conditions, conditionAccepted)
	switch {
	case accepted == nil:
		return unsaid
	case scaler.Status.Gateway == "":
		return unserved
	case accepted.Status == metav1.ConditionTrue:
		return served
	}
	return unsaid
}
