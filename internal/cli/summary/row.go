package summary

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/controllers/store"
)

// Ready says whether an object is served.
type Ready string

// The values of column READY, those of conditions.
const (
	True    = Ready(metav1.ConditionTrue)
	False   = Ready(metav1.ConditionFalse)
	Unknown = Ready(metav1.ConditionUnknown)
)

// Row is one object.
type Row struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// ScaledObject of a trigger, in its namespace.
	ScaledObject string `json:"scaledObject,omitempty"`
	Ready        Ready  `json:"ready"`
	// Reason and Message say why the object is not ready; empty for one that is.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	// Rate is requests per second, Held requests that wait, Replicas those of the target; empty: unknown, or the object has none.
	Rate     string `json:"rate,omitempty"`
	Held     string `json:"held,omitempty"`
	Replicas string `json:"replicas,omitempty"`
}

// Compare orders rows by kind as requests pass them, then by name.
func Compare(a, b Row) int {
	kinds := []string{string(store.Gateway), string(store.ListenerSet), string(store.HTTPRoute), string(store.GRPCRoute),
		string(store.TLSRoute), string(store.TCPRoute), string(store.UDPRoute), string(store.InferencePool), string(store.HTTPScaler)}
	return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)),
		cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// expectation is a condition with the status that it should have.
type expectation struct {
	kind string
	want metav1.ConditionStatus
	// optional: a condition that is not there says nothing.
	optional bool
}

// judge makes a row worse by conditions: the first one that is not as it should be is told, and False beats Unknown.
func (r *Row) judge(conditions []metav1.Condition, expected ...expectation) {
	for _, e := range expected {
		at := slices.IndexFunc(conditions, func(c metav1.Condition) bool { return c.Type == e.kind })
		switch {
		case at < 0 && e.optional:
		case at < 0:
			r.worse(Unknown, "Pending", fmt.Sprintf("condition %s is not there yet", e.kind))
		case conditions[at].Status == e.want:
		case conditions[at].Status == metav1.ConditionUnknown:
			r.worse(Unknown, conditions[at].Reason, conditions[at].Message)
		default:
			r.worse(False, conditions[at].Reason, conditions[at].Message)
		}
	}
}

func (r *Row) worse(ready Ready, reason, message string) {
	if r.Ready == False || r.Ready == Unknown && ready == Unknown {
		return
	}
	r.Ready, r.Reason, r.Message = ready, reason, message
}

// OfGateway returns the row of a Gateway of this product.
func OfGateway(gateway *gwv1.Gateway) Row {
	row := Row{Kind: string(store.Gateway), Namespace: gateway.Namespace, Name: gateway.Name, Ready: True}
	row.judge(gateway.Status.Conditions,
		expectation{kind: string(gwv1.GatewayConditionAccepted), want: metav1.ConditionTrue},
		expectation{kind: string(gwv1.GatewayConditionProgrammed), want: metav1.ConditionTrue})
	for _, listener := range gateway.Status.Listeners {
		before := row.Ready
		row.judge(listener.Conditions,
			expectation{kind: string(gwv1.ListenerConditionConflicted), want: metav1.ConditionFalse, optional: true},
			expectation{kind: string(gwv1.ListenerConditionAccepted), want: metav1.ConditionTrue, optional: true},
			expectation{kind: string(gwv1.ListenerConditionResolvedRefs), want: metav1.ConditionTrue, optional: true})
		if row.Ready != before {
			row.Message = fmt.Sprintf("listener %s: %s", listener.Name, row.Message)
		}
	}
	return row
}

// OfRoute returns the row of a route; ok is false for one that is none of this product's business. missing are the parentRefs that
// no controller can answer, as sentences.
func OfRoute(kind store.Kind, object metav1.Object, parents []gwv1.RouteParentStatus, missing []string) (row Row, ok bool) {
	row = Row{Kind: string(kind), Namespace: object.GetNamespace(), Name: object.GetName(), Ready: True}
	if len(missing) > 0 {
		row.worse(False, "NoParent", strings.Join(missing, "; "))
	}
	ours := false
	for _, parent := range parents {
		if parent.ControllerName != v1alpha1.ControllerName {
			continue
		}
		ours = true
		row.judge(parent.Conditions,
			expectation{kind: string(gwv1.RouteConditionAccepted), want: metav1.ConditionTrue},
			expectation{kind: string(gwv1.RouteConditionResolvedRefs), want: metav1.ConditionTrue},
			expectation{kind: string(gwv1.RouteConditionPartiallyInvalid), want: metav1.ConditionFalse, optional: true},
			expectation{kind: v1alpha1.GroupName + "/Programmed", want: metav1.ConditionTrue, optional: true})
	}
	return row, ours || len(missing) > 0
}

// OfPool returns the row of an InferencePool.
func OfPool(pool *inferencev1.InferencePool) Row {
	row := Row{Kind: string(store.InferencePool), Namespace: pool.Namespace, Name: pool.Name, Ready: True}
	if len(pool.Status.Parents) == 0 {
		row.worse(Unknown, "NoRoute", "no Gateway has said anything about the pool; does a route lead to it?")
	}
	for _, parent := range pool.Status.Parents {
		row.judge(parent.Conditions,
			expectation{kind: "Accepted", want: metav1.ConditionTrue}, expectation{kind: "ResolvedRefs", want: metav1.ConditionTrue})
	}
	return row
}

// Replicas are those of a target: wanted, and those of them that are ready.
type Replicas struct {
	Known         bool
	Wanted, Ready int32
}

// OfTrigger returns the row of a trigger. demand is nil where no replica of the control plane said anything.
func OfTrigger(scaler *v1alpha1.HTTPScaler, demand *debug.Demand, replicas Replicas) Row {
	row := Row{Kind: string(store.HTTPScaler), Namespace: scaler.Namespace, Name: scaler.Name, ScaledObject: scaler.Spec.ScaledObject,
		Ready: True}
	row.judge(scaler.Status.Conditions,
		expectation{kind: plan.ConditionAccepted, want: metav1.ConditionTrue},
		expectation{kind: plan.ConditionResolvedRefs, want: metav1.ConditionTrue},
		expectation{kind: plan.ConditionBypassed, want: metav1.ConditionFalse, optional: true},
		expectation{kind: v1alpha1.ConditionServed, want: metav1.ConditionTrue, optional: true},
		expectation{kind: plan.ConditionReady, want: metav1.ConditionTrue, optional: true})
	switch {
	case demand != nil:
		row.Held = fmt.Sprint(demand.Held)
		if demand.Unknown != "" {
			row.worse(Unknown, "DemandUnknown", demand.Unknown)
		} else {
			row.Rate = fmt.Sprintf("%.3g", demand.Rate)
		}
	case scaler.Status.Demand != nil:
		row.Rate, row.Held = scaler.Status.Demand.Rate, fmt.Sprint(scaler.Status.Demand.Held)
	}
	if replicas.Known {
		row.Replicas = fmt.Sprintf("%d/%d", replicas.Ready, replicas.Wanted)
		if demand != nil && demand.Held > 0 && replicas.Ready == 0 && replicas.Wanted > 0 {
			row.worse(Unknown, "Waiting",
				fmt.Sprintf("%d requests wait for a first ready replica; kubectl kedify explain scaledobject %s -n %s says for what",
					demand.Held, scaler.Spec.ScaledObject, scaler.Namespace))
		}
	}
	return row
}
