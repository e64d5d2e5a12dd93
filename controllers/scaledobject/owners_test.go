package scaledobject

import (
	"context"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
)

// wiringOwner is the field owner of the command "wiring".
const wiringOwner = client.FieldOwner("kedify-gateway-wiring")

// wire writes what the command "wiring" writes of HTTPScaler web-0; an empty reason: no condition.
func (b *bench) wire(path v1alpha1.WiringPath, rewired metav1.ConditionStatus, reason string) {
	b.t.Helper()
	status := map[string]any{"wiring": map[string]any{"path": string(path), "since": "2026-11-25T03:00:00Z"}}
	if reason != "" {
		status["conditions"] = []any{map[string]any{
			"type": plan.ConditionRewired, "status": string(rewired), "reason": reason, "message": "m",
			"lastTransitionTime": "2026-11-25T03:00:00Z", "observedGeneration": int64(1),
		}}
	}
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(), "kind": "HTTPScaler",
		"metadata": map[string]any{"namespace": "shop", "name": "web-0"}, "status": status,
	}}
	err := b.client.Status().Apply(context.Background(), client.ApplyConfigurationFromUnstructured(object), wiringOwner, client.ForceOwnership)
	if err != nil {
		b.t.Fatal(err)
	}
	b.written()
}

// rewired returns the reason of the condition, empty without one, and fails if the API server would refuse
// the conditions: one that two owners applied and one took back is left without a status.
func (b *bench) rewired() string {
	b.t.Helper()
	scaler := &v1alpha1.HTTPScaler{}
	if !b.exists(scaler, "web-0") {
		b.t.Fatal("no HTTPScaler")
	}
	for _, condition := range scaler.Status.Conditions {
		if condition.Status == "" || condition.Reason == "" {
			b.t.Errorf("condition %+v", condition)
		}
	}
	if condition := meta.FindStatusCondition(scaler.Status.Conditions, plan.ConditionRewired); condition != nil {
		return condition.Reason
	}
	return ""
}

// TestRewiredHasOneOwner: in any order in which autowiring is switched and the two processes write, condition
// Rewired is that of one of them, is taken back by its owner, and no status is left half.
func TestRewiredHasOneOwner(t *testing.T) {
	type step struct {
		autowire *bool  // the controllers start with the flag
		wire     string // the command "wiring" writes the condition with this reason; "-": takes it back
		want     string
	}
	on, off := true, false
	for name, steps := range map[string][]step{
		"off":                    {{autowire: &off, want: plan.ReasonNotRewired}},
		"on":                     {{autowire: &on, want: ""}},
		"wired and not any more": {{autowire: &on}, {wire: "Wired", want: "Wired"}, {wire: "-", want: ""}},
		"switched on":            {{autowire: &off, want: plan.ReasonNotRewired}, {autowire: &on, want: ""}, {wire: "Wired", want: "Wired"}},
		"switched on, wired first": {{autowire: &off, want: plan.ReasonNotRewired}, {wire: "Wired", want: "Wired"},
			{autowire: &on, want: "Wired"}, {wire: "-", want: ""}},
		"switched off": {
			{autowire: &on}, {wire: "Wired", want: "Wired"}, {autowire: &off, want: "Wired"}, {wire: "-", want: plan.ReasonNotRewired},
		},
		"switched off and on": {
			{autowire: &on}, {wire: "Refused", want: "Refused"}, {autowire: &off, want: "Refused"}, {autowire: &on, want: "Refused"},
			{wire: "Wired", want: "Wired"}, {wire: "-", want: ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			so := scaledObject("web", "a.test")
			delete(so.Spec.Triggers[0].Metadata, "trafficAutowire")
			b := newBench(t, so, webService())
			for i, s := range steps {
				if s.autowire != nil {
					b.controller.Autowire, b.controller.handover = *s.autowire, newHandover()
				}
				switch s.wire {
				case "":
				case "-":
					b.wire(v1alpha1.PathProxy, "", "")
				default:
					b.wire(v1alpha1.PathProxy, metav1.ConditionTrue, s.wire)
				}
				b.reconcile()
				if got := b.rewired(); got != s.want {
					t.Fatalf("step %d: condition Rewired has the reason %q, want %q", i+1, got, s.want)
				}
				b.written()
				b.reconcile()
				if writes := b.written(); len(writes) > 0 {
					t.Errorf("step %d: writes at rest %q", i+1, writes)
				}
			}
		})
	}
}

// TestHandoverForgets: nothing is remembered of a trigger that is gone.
func TestHandoverForgets(t *testing.T) {
	so := scaledObject("web", "a.test")
	b := newBench(t, so, scaledObject("api", "b.test"), webService())
	b.controller.Autowire = true
	b.reconcile()
	b.wire(v1alpha1.PathProxy, metav1.ConditionTrue, "Wired")
	b.reconcile()
	if len(b.controller.handover.given) != 1 {
		t.Fatalf("handed over: %v", b.controller.handover.given)
	}
	if err := b.client.Delete(context.Background(), so); err != nil {
		t.Fatal(err)
	}
	b.reconcile()
	if len(b.controller.handover.given) != 0 {
		t.Errorf("handed over: %v", b.controller.handover.given)
	}
}

// TestWiringStaysWhenStatusIsWritten: the controllers' status and that of the command "wiring" are two
// owners of one object, and neither takes the other's fields.
func TestWiringStaysWhenStatusIsWritten(t *testing.T) {
	so := scaledObject("web", "a.test")
	delete(so.Spec.Triggers[0].Metadata, "trafficAutowire")
	b := newBench(t, so) // the Service is missing
	b.controller.Autowire = true
	b.reconcile()
	b.wire(v1alpha1.PathDirect, metav1.ConditionTrue, "Wired")
	b.reconcile()
	scaler := &v1alpha1.HTTPScaler{}
	b.exists(scaler, "web-0")
	bypassed := meta.FindStatusCondition(scaler.Status.Conditions, plan.ConditionBypassed)
	if bypassed == nil || bypassed.Reason != plan.ReasonDirect {
		t.Errorf("bypassed %+v", bypassed)
	}
	b.create(webService())
	b.wire(v1alpha1.PathProxy, metav1.ConditionTrue, "Wired")
	b.reconcile()
	b.exists(scaler, "web-0")
	bypassed = meta.FindStatusCondition(scaler.Status.Conditions, plan.ConditionBypassed)
	if scaler.Status.Wiring == nil || scaler.Status.Wiring.Path != v1alpha1.PathProxy || b.rewired() != "Wired" ||
		scaler.Status.Route != "web-0" || bypassed != nil {
		t.Errorf("status %+v", scaler.Status)
	}
	var managers []string
	for _, entry := range scaler.ManagedFields {
		managers = append(managers, entry.Manager)
	}
	slices.Sort(managers)
	if !slices.Equal(slices.Compact(managers), []string{string(fieldOwner), string(wiringOwner)}) {
		t.Errorf("field owners %q", managers)
	}
}
