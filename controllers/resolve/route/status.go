package route

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve"
)

// ConditionProgrammed is present, and False, only while a proxy refuses the configuration of the
// route or the control plane fails to render it. Its message says how requests are served meanwhile.
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
			gwv1.RouteReasonResolvedRefs, r.withNotes("All references are resolved."), r.meta.Generation)
	}
	return resolve.Condition(gwv1.RouteConditionResolvedRefs, metav1.ConditionFalse,
		r.refs[0].Reason, r.withNotes(resolve.JoinMessages(r.refs)), r.meta.Generation)
}

// maxNotes bounds how many notes a condition repeats.
const maxNotes = 4

// withNotes adds to the message of ResolvedRefs what is not in order although it resolves.
func (r *routeResolver) withNotes(message string) string {
	notes := r.notes
	if len(notes) > maxNotes {
		notes = append(slices.Clone(notes[:maxNotes]), fmt.Sprintf("And %d more.", len(notes)-maxNotes))
	}
	return strings.Join(append([]string{message}, notes...), " ")
}

// Status returns our entries of the status of a route, in the order of its parentRefs.
// rejected is what is not in force; what others than this route made is passed over.
func Status(r resolve.RouteResult, rejected []resolve.Rejected) []gwv1.RouteParentStatus {
	reported := reportsOf(r, rejected)
	statuses := make([]gwv1.RouteParentStatus, 0, len(r.Parents))
	for _, parent := range r.Parents {
		conditions := append([]metav1.Condition(nil), parent.Conditions...)
		statuses = append(statuses, gwv1.RouteParentStatus{
			ParentRef: parent.Ref, ControllerName: v1alpha1.ControllerName,
			Conditions: append(reported.withheld(conditions, r.Generation), reported.programmed(r.Generation)...),
		})
	}
	return statuses
}

// reports of what is not in force, by what became of it.
type reports struct {
	failing, absent, refused, replaced, kept, missing []resolve.Problem
}

func (p *reports) add(r resolve.Rejected) {
	text := r.Message
	switch {
	case r.Rule != "":
		text = fmt.Sprintf("rule %q: %s", r.Rule, text)
	case r.Source.Section != "":
		text = fmt.Sprintf("rule %q: %s", r.Source.Section, text)
	}
	list := &p.refused
	switch {
	case r.Rule != "" && r.Absent:
		list = &p.absent
	case r.Rule != "":
		list = &p.failing
	case r.RenderFailed && r.Kept:
		list = &p.kept
	case r.RenderFailed:
		list = &p.missing
	case r.Kept:
		list = &p.replaced
	}
	*list = append(*list, resolve.Problemf(ReasonRejectedByProxy, "%s", text))
}

// part is what happened to some of the reports.
type part struct {
	text     string
	problems []resolve.Problem
}

// absentText is before rules that are left out.
const absentText = "The proxy refuses these rules and what selects their requests, they are left out: "

// rules are the parts about rules that are withheld alone.
func (p *reports) rules() []part {
	return []part{
		{"The proxy refuses these rules, their requests are answered 500: ", p.failing},
		{absentText, p.absent},
	}
}

func textOf(parts []part) string {
	var texts []string
	for _, part := range parts {
		if len(part.problems) > 0 {
			if last := len(texts) - 1; last >= 0 {
				texts[last] = resolve.Sentence(texts[last])
			}
			texts = append(texts, part.text+resolve.JoinMessages(part.problems))
		}
	}
	return strings.Join(texts, " ")
}

// reportsOf gathers what is about a route.
func reportsOf(r resolve.RouteResult, rejected []resolve.Rejected) *reports {
	all, seen := &reports{}, map[resolve.Rejected]bool{}
	for _, rejection := range rejected {
		if rejection.Source.Kind != string(r.Object.Kind) || types.NamespacedName(rejection.Source.Key()) != r.Object.Key || seen[rejection] {
			continue
		}
		seen[rejection] = true // a rule stands in a table for each hostname
		all.add(rejection)
	}
	return all
}

// withheld adds the rules that are withheld to the PartiallyInvalid condition of an accepted parent.
func (p *reports) withheld(conditions []metav1.Condition, generation int64) []metav1.Condition {
	text := textOf(p.rules())
	if text == "" || resolve.FindCondition(conditions, gwv1.RouteConditionAccepted).Status != metav1.ConditionTrue {
		return conditions
	}
	for i, condition := range conditions {
		if condition.Type == string(gwv1.RouteConditionPartiallyInvalid) {
			conditions[i] = resolve.Condition(gwv1.RouteConditionPartiallyInvalid, metav1.ConditionTrue,
				gwv1.RouteConditionReason(condition.Reason), condition.Message+" "+text, generation)
			return conditions
		}
	}
	return append(conditions, resolve.Condition(gwv1.RouteConditionPartiallyInvalid, metav1.ConditionTrue,
		ReasonRejectedByProxy, text, generation))
}

// programmed returns the Programmed condition of a route, or none.
func (p *reports) programmed(generation int64) []metav1.Condition {
	text := textOf(append(p.rules(),
		part{"The proxy refused the route and serves what it had before: ", p.replaced},
		part{"The proxy refused the route, of which it has accepted no version since the control plane started: ", p.refused},
		part{"The control plane failed to render the route; the proxies keep its previous version: ", p.kept},
		part{"The control plane failed to render the route, which has no previous version: ", p.missing},
	))
	if text == "" {
		return nil
	}
	reason := ReasonRenderFailed
	if len(p.failing)+len(p.absent)+len(p.refused)+len(p.replaced) > 0 {
		reason = ReasonRejectedByProxy
	}
	return []metav1.Condition{resolve.Condition(ConditionProgrammed, metav1.ConditionFalse, reason, text, generation)}
}
