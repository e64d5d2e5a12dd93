package plan

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/internal/message"
)

// status of a candidate that has route as its generated route, empty: none.
func (m *maker) status(c *candidate, route string) v1alpha1.HTTPScalerStatus {
	status := v1alpha1.HTTPScalerStatus{Route: route}
	if route != "" {
		status.Gateway = m.Proxy.Name
	}
	add := func(kind string, value bool, why explanation) {
		status.Conditions = append(status.Conditions, conditionOf(kind, value, why))
	}
	switch {
	case !c.invalid.none():
		add(ConditionAccepted, false, c.invalid)
	case !c.refused.none():
		add(ConditionAccepted, false, c.refused)
	case len(c.unserved) > 0:
		add(ConditionAccepted, false, joined(c.unserved))
	default:
		add(ConditionAccepted, true, explanation{ReasonAccepted, m.acceptedText(c, route)})
	}
	if len(c.unresolved) == 0 {
		add(ConditionResolvedRefs, true, explanation{ReasonResolved, "Everything that the trigger names exists."})
	} else {
		add(ConditionResolvedRefs, false, joined(c.unresolved))
	}
	switch {
	case !c.weights.none():
		add(ConditionWeights, false, c.weights)
	case len(c.spec.Backend.Weighted) > 0:
		add(ConditionWeights, true, explanation{ReasonWeighted, weightsText(c.spec.Backend.Weighted)})
	}
	switch {
	case c.direct():
		add(ConditionBypassed, true, c.directExplanation())
	case !c.unguarded():
		add(ConditionBypassed, true, m.bypassExplanation(c))
	}
	if route != "" && m.saysNotRewired(c) {
		add(ConditionRewired, false, explanation{ReasonNotRewired, fmt.Sprintf(
			`Traffic was not rewired. Point your Ingress or route at Service %s, port %s. `+
				`Then set trafficAutowire: "false" to clear this condition.`,
			m.Proxy, c.ports())})
	}
	if c.mismatch != "" {
		add(ConditionSelectorMismatch, true, explanation{ReasonMismatch, c.mismatch})
	}
	if len(c.warnings) > 0 {
		add(ConditionWarnings, true, explanation{ReasonWarned, sentence(strings.Join(c.warnings, "; "))})
	}
	m.announce(c, status.Conditions)
	status.Conditions = append(status.Conditions, m.ready(c, status))
	return status
}

// NotApplied says in a status that the API server refuses an object of the trigger: a trigger that is valid
// otherwise is not in force either.
func NotApplied(status *v1alpha1.HTTPScalerStatus, refusal string) {
	conditions := []metav1.Condition{conditionOf(ConditionAccepted, false, explanation{ReasonNotApplied, refusal})}
	for _, condition := range status.Conditions {
		if condition.Type != ConditionAccepted && condition.Type != ConditionReady {
			conditions = append(conditions, condition)
		}
	}
	status.Conditions = append(conditions, blocked(conditions))
}

func (m *maker) acceptedText(c *candidate, route string) string {
	switch {
	case c.spec.Type == v1alpha1.TriggerEnvoyHTTP:
		return fmt.Sprintf(
			"The trigger is valid; requests of cluster %q count as Envoys of yours report them.", c.spec.Metric.ExternalProxyMetricKey)
	case c.routedBy != "":
		return c.routedBy + " leads to the backend already: its requests count, and no route is generated."
	case route == "":
		return "The trigger is valid; it has no route until its references are resolved."
	case c.passthrough():
		return fmt.Sprintf("TLSRoute %s leads from Gateway %s to the backend.", route, m.Proxy)
	}
	return fmt.Sprintf("HTTPRoute %s leads from Gateway %s to the backend.", route, m.Proxy)
}

// ports of the proxy where the requests of a trigger are served.
func (c *candidate) ports() string {
	switch {
	case c.passthrough():
		return fmt.Sprint(portHTTPS)
	case c.pooled() && c.terminates():
		return fmt.Sprintf("%d (or %d with TLS)", portInference, portHTTPS)
	case c.pooled():
		return fmt.Sprint(portInference)
	case c.terminates():
		return fmt.Sprintf("%d (or %d with TLS)", portHTTP, portHTTPS)
	}
	return fmt.Sprint(portHTTP)
}

func weightsText(weights []v1alpha1.HTTPScalerWeight) string {
	var shares []string
	for _, w := range weights {
		shares = append(shares, fmt.Sprintf("%s %d", w.Service, w.Weight))
	}
	return "Requests are shared by weight: " + strings.Join(shares, ", ") + "."
}

// joined says everything at once, under the reason of the first.
func joined(explanations []explanation) explanation {
	var messages []string
	for _, f := range explanations {
		if !slices.Contains(messages, f.message) {
			messages = append(messages, f.message)
		}
	}
	return explanation{explanations[0].reason, strings.Join(messages, " ")}
}

func conditionOf(kind string, value bool, why explanation) metav1.Condition {
	condition := metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: why.reason, Message: message.Condition(why.message)}
	if value {
		condition.Status = metav1.ConditionTrue
	}
	return condition
}

// good are the conditions whose True needs no event.
func good(condition metav1.Condition) bool {
	negative := slices.Contains([]string{ConditionBypassed, ConditionSelectorMismatch, ConditionWarnings}, condition.Type)
	return (condition.Status == metav1.ConditionTrue) != negative
}

// announce makes an event of each condition that changed: what the live status says already
// was told before, by the leader of that time.
func (m *maker) announce(c *candidate, conditions []metav1.Condition) {
	for _, condition := range conditions {
		var before *metav1.Condition
		if c.live != nil {
			before = meta.FindStatusCondition(c.live.Status.Conditions, condition.Type)
		}
		if before != nil && before.Status == condition.Status && before.Reason == condition.Reason && before.Message == condition.Message {
			continue
		}
		if condition.Reason == ReasonDirect {
			continue // the command "wiring", which moved the requests, tells it
		}
		event := Event{
			About: c.owner, Related: c.scaler(), Type: corev1.EventTypeWarning, Reason: condition.Reason,
			Note: "trigger " + c.spec.Trigger + ": " + condition.Message,
		}
		if good(condition) || condition.Type == ConditionRewired {
			event.Type = corev1.EventTypeNormal
		}
		if good(condition) && before == nil && condition.Type == ConditionResolvedRefs {
			continue
		}
		m.tell(event)
	}
}
