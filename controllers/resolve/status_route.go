package resolve

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Condition of ours on a route. It is there, and False, only while a proxy refuses what the
// route made; requests are then served as before the change.
const (
	RouteConditionProgrammed   gwv1.RouteConditionType   = v1alpha1.GroupName + "/Programmed"
	RouteReasonRejectedByProxy gwv1.RouteConditionReason = "RejectedByProxy"
)

// routeParent is the status of a route for one parentRef. invalid is why no rule of the
// route can be served.
func (r *routeResolver) routeParent(p parent, invalid refusal) RouteParent {
	parent := RouteParent{Ref: p.ref, Gateway: p.gateway}
	generation := r.meta.Generation
	refused := p.refused
	if refused.none() {
		refused = invalid
	}
	if refused.none() {
		for _, a := range p.attached {
			parent.Attached = append(parent.Attached, a.listener.ID)
		}
		parent.Conditions = append(parent.Conditions, condition(gwv1.RouteConditionAccepted, metav1.ConditionTrue,
			gwv1.RouteReasonAccepted, "The route is accepted.", generation))
	} else {
		parent.Conditions = append(parent.Conditions, condition(gwv1.RouteConditionAccepted, metav1.ConditionFalse,
			refused.reason, refused.message, generation))
	}
	parent.Conditions = append(parent.Conditions, r.resolvedRefs())
	if refused.none() && len(r.invalid) > 0 {
		parent.Conditions = append(parent.Conditions, condition(gwv1.RouteConditionPartiallyInvalid, metav1.ConditionTrue,
			r.invalid[0].reason, "Dropped Rule, its requests are answered 500: "+joinMessages(r.invalid), generation))
	}
	return parent
}

func (r *routeResolver) resolvedRefs() metav1.Condition {
	if len(r.refs) == 0 {
		return condition(gwv1.RouteConditionResolvedRefs, metav1.ConditionTrue,
			gwv1.RouteReasonResolvedRefs, "All references are resolved.", r.meta.Generation)
	}
	return condition(gwv1.RouteConditionResolvedRefs, metav1.ConditionFalse,
		r.refs[0].reason, joinMessages(r.refs), r.meta.Generation)
}

// RouteStatus returns our entries of the status of a route, in the order of its parentRefs.
// rejected is what proxies refused; what others than this route made is passed over.
func RouteStatus(r RouteResult, rejected []Rejected) []gwv1.RouteParentStatus {
	var messages []refusal
	for _, rejection := range rejected {
		if rejection.Source.Kind != string(r.Object.Kind) || types.NamespacedName(rejection.Source.Key()) != r.Object.Key {
			continue
		}
		text := rejection.Message
		if section := rejection.Source.Section; section != "" {
			text = fmt.Sprintf("rule %q: %s", section, text)
		}
		messages = append(messages, refuse(RouteReasonRejectedByProxy, "%s", text))
	}
	statuses := make([]gwv1.RouteParentStatus, 0, len(r.Parents))
	for _, parent := range r.Parents {
		conditions := append([]metav1.Condition(nil), parent.Conditions...)
		if len(messages) > 0 {
			conditions = append(conditions, condition(RouteConditionProgrammed, metav1.ConditionFalse,
				RouteReasonRejectedByProxy, "The proxy refused the route and serves what it had before: "+joinMessages(messages), r.Generation))
		}
		statuses = append(statuses, gwv1.RouteParentStatus{
			ParentRef: parent.Ref, ControllerName: v1alpha1.ControllerName, Conditions: conditions,
		})
	}
	return statuses
}

// maxMessages bounds how many faults a condition lists; more help nobody.
const maxMessages = 8

// joinMessages makes one message of several, in their order, each once.
func joinMessages(faults []refusal) string {
	var texts []string
	seen := map[string]bool{}
	for _, fault := range faults {
		if !seen[fault.message] {
			seen[fault.message] = true
			texts = append(texts, fault.message)
		}
	}
	if more := len(texts) - maxMessages; more > 0 {
		texts = append(texts[:maxMessages], fmt.Sprintf("And %d more.", more))
	}
	return strings.Join(texts, " ")
}
