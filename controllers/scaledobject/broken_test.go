package scaledobject

import (
	"context"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
)

// fragileReader is a cache that panics when it is asked for one object: what a plan reads of a trigger.
type fragileReader struct {
	client.Reader
	breaks string
}

func (r *fragileReader) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if key.Name == r.breaks {
		panic("nil map of " + key.Name)
	}
	return r.Reader.Get(ctx, key, object, options...)
}

// TestX10PanicOfAPlan: a trigger at which a plan panics, wherever in the plan, stays as it is, and says so; those beside it, of
// the same namespace and the same proxy, are made, changed and deleted as before. It heals with what it was about.
func TestX10PanicOfAPlan(t *testing.T) {
	for name, breaks := range map[string]func(*bench, *fragileReader) (mend func()){
		"while it is read": func(_ *bench, reader *fragileReader) func() {
			reader.breaks = "bad-rollout"
			return func() { reader.breaks = "" }
		},
		"at its backend": func(_ *bench, reader *fragileReader) func() {
			reader.breaks = "bad-service"
			return func() { reader.breaks = "" }
		},
		"at its requests": func(b *bench, _ *fragileReader) func() {
			before := b.controller.Requested
			b.controller.Requested = func(key types.NamespacedName) bool {
				if key.Name == "bad-0" {
					panic("nil map of requests")
				}
				return before(key)
			}
			return func() { b.controller.Requested = before }
		},
	} {
		t.Run(name, func(t *testing.T) { testPanicOfAPlan(t, breaks) })
	}
}

func testPanicOfAPlan(t *testing.T, breaks func(*bench, *fragileReader) (mend func())) {
	bad := scaledObject("bad", "bad.test")
	bad.Spec.ScaleTargetRef = &kedav1alpha1.ScaleTarget{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout", Name: "bad-rollout"}
	bad.Spec.Triggers[0].Metadata["service"] = "bad-service"
	service := webService()
	service.Name = "bad-service"
	b := newBench(t, bad, service, webService(), scaledObject("leaves", "leaves.test"), scaledObject("stays", "stays.test"))
	reader := &fragileReader{Reader: b.cache.Reader}
	b.cache.Reader = reader
	b.controller.kinds.set("Rollout", true)
	b.reconcile()
	route := &gwv1.HTTPRoute{}
	if !b.exists(route, "bad-0") || !b.exists(route, "leaves-0") {
		t.Fatal("no routes")
	}
	b.heard()
	b.written()

	mend := breaks(b, reader)
	b.change("bad", "changed.test")
	b.change("stays", "moved.test")
	if err := b.client.Delete(t.Context(), scaledObject("leaves", "")); err != nil {
		t.Fatal(err)
	}
	b.create(scaledObject("comes", "comes.test"))
	for range 3 {
		err := b.controller.reconcile(t.Context(), "shop")
		if err == nil || !strings.Contains(err.Error(), "plan ScaledObject shop/bad: panic: nil map") {
			t.Fatalf("error %v, want that of the plan: it is to be tried again", err)
		}
	}
	if events := b.heard(); !slices.ContainsFunc(events, func(event string) bool {
		return strings.HasPrefix(event, corev1.EventTypeWarning+" "+plan.ReasonFailed)
	}) {
		t.Errorf("events %q", events)
	}
	if !b.exists(route, "bad-0") || route.Spec.Hostnames[0] != "bad.test" {
		t.Errorf("the route of the broken trigger: %v", route.Spec.Hostnames)
	}
	scaler := &v1alpha1.HTTPScaler{}
	b.exists(scaler, "bad-0")
	accepted := meta.FindStatusCondition(scaler.Status.Conditions, plan.ConditionAccepted)
	if accepted == nil || accepted.Reason != plan.ReasonFailed || scaler.Status.Route != "bad-0" {
		t.Errorf("status of the broken trigger: %+v", scaler.Status)
	}
	if !b.exists(route, "stays-0") || route.Spec.Hostnames[0] != "moved.test" {
		t.Errorf("a neighbour was not changed: %v", route.Spec.Hostnames)
	}
	if !b.exists(route, "comes-0") || b.exists(route, "leaves-0") {
		t.Error("a neighbour was not made, or not deleted")
	}

	mend()
	b.reconcile()
	b.exists(route, "bad-0")
	b.exists(scaler, "bad-0")
	if route.Spec.Hostnames[0] != "changed.test" || !meta.IsStatusConditionTrue(scaler.Status.Conditions, plan.ConditionAccepted) {
		t.Errorf("after the panic: %v, %+v", route.Spec.Hostnames, scaler.Status)
	}
}

// change gives a ScaledObject another host.
func (b *bench) change(name, host string) {
	b.t.Helper()
	so := &kedav1alpha1.ScaledObject{}
	if !b.exists(so, name) {
		b.t.Fatal("no ScaledObject " + name)
	}
	so.Spec.Triggers[0].Metadata["hosts"] = host
	b.update(so)
}
