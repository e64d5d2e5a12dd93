package plan

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// blocked is Ready as the conditions of a plan alone have it: False with the reason of the first that speaks against it.
func blocked(conditions []metav1.Condition) metav1.Condition {
	for _, condition := range conditions {
		blocks := map[string]metav1.ConditionStatus{
			ConditionAccepted: metav1.ConditionFalse, ConditionResolvedRefs: metav1.ConditionFalse, ConditionBypassed: metav1.ConditionTrue,
		}
		if blocks[condition.Type] == condition.Status {
			return conditionOf(ConditionReady, false, explanation{condition.Reason, condition.Message})
		}
	}
	return conditionOf(ConditionReady, true, explanation{ReasonReady, "The trigger is in force, and its requests are counted."})
}

// ready sums up what is known of a trigger: its own conditions, whether requests that wait are answered (Served, which the leader
// writes beside), its route, and the Gateway of the route. It is Unknown while route or Gateway have not been looked at: a
// trigger is not ready because nothing speaks against it.
func (m *maker) ready(c *candidate, status v1alpha1.HTTPScalerStatus) metav1.Condition {
	own := blocked(status.Conditions)
	if own.Status != metav1.ConditionTrue {
		return own
	}
	if c.live != nil {
		served := meta.FindStatusCondition(c.live.Status.Conditions, v1alpha1.ConditionServed)
		if served != nil && served.Status == metav1.ConditionFalse {
			return conditionOf(ConditionReady, false, explanation{served.Reason, served.Message})
		}
	}
	if status.Route == "" {
		return own
	}
	if c.unheard != "" {
		return pending(fmt.Sprintf("%s has no status of this controller yet.", c.unheard))
	}
	return cmp.Or(m.proxyBlocks(), own)
}

// pending is Ready while it is not known.
func pending(message string) metav1.Condition {
	return metav1.Condition{Type: ConditionReady, Status: metav1.ConditionUnknown, Reason: ReasonPending, Message: message}
}

// proxyBlocks is Ready of all triggers with a route on the generated Gateway while that is not programmed; the zero value: it is.
func (m *maker) proxyBlocks() metav1.Condition {
	if m.proxyState != nil {
		return *m.proxyState
	}
	state := metav1.Condition{}
	m.proxyState = &state
	gateway := m.Find.Gateway(m.Proxy)
	if gateway == nil {
		state = pending(fmt.Sprintf("Gateway %s is not there yet.", m.Proxy))
		return state
	}
	programmed := meta.FindStatusCondition(gateway.Status.Conditions, string(gwv1.GatewayConditionProgrammed))
	switch {
	case programmed == nil, programmed.Status == metav1.ConditionUnknown:
		state = pending(fmt.Sprintf("Gateway %s has no status yet.", m.Proxy))
	case programmed.Status == metav1.ConditionFalse:
		state = conditionOf(ConditionReady, false, explanation{ReasonNotProgrammed,
			fmt.Sprintf("Gateway %s is not programmed (%s): %s", m.Proxy, programmed.Reason, programmed.Message)})
	}
	return state
}
