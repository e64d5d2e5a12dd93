package route

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
)

// ConditionProgrammed is present, and False, only while a proxy refuses the configuration of the
// route or the control plane fails to render it. Requests are then served as before.
const (
	ConditionProgrammed   gwv1.RouteConditionType   = v1alpha1.GroupName + "/Programmed"
	ReasonRejectedByProxy gwv1.RouteConditionReason = "RejectedByProxy"
	ReasonRenderFailed    gwv1.RouteConditionReason = "RenderFailed"
)

// routeParent is the status of a route for one parentRef. invalid is why no rule of the
// route can be served.
func (r *routeResolver) routeParent(p parent, invalid resolve.Problem) resolve.RouteParent {
	parent := resolve.RouteParent{Ref: p.ref, Gateway: p.gateway}
	generation := r.meta.Generation
	problem := p.problem
	if problem.None() {
		problem = invalid
	}
	if problem.None() {
		for _, a := range p.attached {
			parent.Attached = append(parent.Attached, a.listener.ID)
		}
		parent.Conditions = append(parent.Conditions, resolve.Condition(gwv1.RouteConditionAccepted, metav1.ConditionTrue,
			gwv1.RouteReasonAccepted, "The route is accepted.", generation))
	} else {
		parent.Conditions = append(parent.Conditions, resolve.Condition(gwv1.RouteConditionAccepted, metav1.ConditionFalse,
			problem.Reason, problem.Message, generation))
	}
	parent.Conditions = append(parent.Conditions, r.resolvedRefs())
	if problem.None() && len(r.invalid) > 0 {
		parent.Conditions = append(parent.Conditions, resolve.Condition(gwv1.RouteConditionPartiallyInvalid, metav1.ConditionTrue,
			r.invalid[0].Reason, "Dropped Rule, its requests are answered 500: "+resolve.JoinMessages(r.invalid), generation))
	}
	return parent
}

func (r *routeResolver) resolvedRefs() metav1.Condition {
	if len(r.refs) == 0 {
		return resolve.Condition(gwv1.RouteConditionResolvedRefs, metav1.ConditionTrue,
			gwv1.RouteReasonResolvedRefs, "All references are resolved.", r.meta.Generation)
	}
	return resolve.Condition(gwv1.RouteConditionResolvedRefs, metav1.ConditionFalse,
		r.refs[0].Reason, resolve.JoinMessages(r.refs), r.meta.Generation)
}

// Status returns our entries of the status of a route, in the order of its parentRefs.
// rejected is what is not in force; what others than this route made is passed over.
func Status(r resolve.RouteResult, rejected []resolve.Rejected) []gwv1.RouteParentStatus {
	programmed := programmed(r, rejected)
	statuses := make([]gwv1.RouteParentStatus, 0, len(r.Parents))
	for _, parent := range r.Parents {
		conditions := append([]metav1.Condition(nil), parent.Conditions...)
		statuses = append(statuses, gwv1.RouteParentStatus{
			ParentRef: parent.Ref, ControllerName: v1alpha1.ControllerName, Conditions: append(conditions, programmed...),
		})
	}
	return statuses
}

// programmed returns the Programmed condition of a route, or none.
func programmed(r resolve.RouteResult, rejected []resolve.Rejected) []metav1.Condition {
	var refused, kept, absent []resolve.Problem
	for _, rejection := range rejected {
		if rejection.Source.Kind != string(r.Object.Kind) || types.NamespacedName(rejection.Source.Key()) != r.Object.Key {
			continue
		}
		text := rejection.Message
		if section := rejection.Source.Section; section != "" {
			text = fmt.Sprintf("rule %q: %s", section, text)
		}
		list := &refused
		switch {
		case rejection.RenderFailed && rejection.Kept:
			list = &kept
		case rejection.RenderFailed:
			list = &absent
		}
		*list = append(*list, resolve.Problemf(ReasonRejectedByProxy, "%s", text))
	}
	var parts []string
	for _, part := range []struct {
		text     string
		problems []resolve.Problem
	}{
		{"The proxy refused the route and serves what it had before: ", refused},
		{"The control plane failed to render the route; the proxies keep its previous version: ", kept},
		{"The control plane failed to render the route, which has no previous version: ", absent},
	} {
		if len(part.problems) > 0 {
			parts = append(parts, part.text+resolve.JoinMessages(part.problems))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	reason := ReasonRenderFailed
	if len(refused) > 0 {
		reason = ReasonRejectedByProxy
	}
	return []metav1.Condition{resolve.Condition(ConditionProgrammed, metav1.ConditionFalse, reason, strings.Join(parts, " "), r.Generation)}
}
