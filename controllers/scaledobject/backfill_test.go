package scaledobject

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// stored is a ScaledObject from before admission.
func stored(name string) *kedav1alpha1.ScaledObject {
	so := scaledObject(name, "a.test")
	so.Spec.Triggers[0].Type = "kedify-http"
	delete(so.Spec.Triggers[0].Metadata, "originalType")
	delete(so.Spec.Triggers[0].Metadata, "scalerAddress")
	return so
}

// admission rewrites a ScaledObject.
func admission(so *kedav1alpha1.ScaledObject) {
	so.Spec.Triggers = scaledObject(so.Name, "a.test").Spec.Triggers
}

func TestBackfill(t *testing.T) {
	b := newBench(t, stored("web"))
	b.rewrite = admission
	key := client.ObjectKey{Namespace: "shop", Name: "web"}
	if !b.controller.backfill.attempt(context.Background(), key) {
		t.Error("it is to be tried again")
	}
	if !b.controller.backfill.attempt(context.Background(), key) {
		t.Error("a rewritten object is to be tried again")
	}
	if writes := b.written(); !slices.Equal(writes, []string{"patch web"}) {
		t.Errorf("writes %q", writes)
	}
	if events := b.heard(); len(events) > 0 {
		t.Errorf("events %q", events)
	}
}

// Without admission the owner is told, once, and again after somebody rewrote it meanwhile.
func TestBackfillWithoutAdmission(t *testing.T) {
	b := newBench(t, stored("web"))
	key := client.ObjectKey{Namespace: "shop", Name: "web"}
	for range 3 {
		if b.controller.backfill.attempt(context.Background(), key) {
			t.Error("given up")
		}
	}
	events := b.heard()
	if len(events) != 1 || !strings.HasPrefix(events[0], "Warning NotRewritten type kedify-http is unknown to KEDA") {
		t.Errorf("events %q", events)
	}
	b.controller.backfill.observe(scaledObject("web", "a.test"))
	b.controller.backfill.attempt(context.Background(), key)
	if events := b.heard(); len(events) != 1 {
		t.Errorf("events %q", events)
	}
}

func TestBackfillRefused(t *testing.T) {
	b := newBench(t, stored("web"))
	b.fail["patch web"] = errors.New("denied: port is missing")
	if b.controller.backfill.attempt(context.Background(), client.ObjectKey{Namespace: "shop", Name: "web"}) {
		t.Error("given up")
	}
	if events := b.heard(); len(events) != 1 || !strings.Contains(events[0], "port is missing") {
		t.Errorf("events %q", events)
	}
}

func TestBackfillLeavesOthersAlone(t *testing.T) {
	leaving := stored("leaving")
	leaving.Finalizers, leaving.DeletionTimestamp = []string{"finalizer.keda.sh"}, &metav1.Time{Time: epoch}
	b := newBench(t, scaledObject("web", "a.test"), leaving)
	for _, name := range []string{"web", "leaving", "gone"} {
		if !b.controller.backfill.attempt(context.Background(), client.ObjectKey{Namespace: "shop", Name: name}) {
			t.Errorf("%s is to be tried again", name)
		}
	}
	for _, so := range []*kedav1alpha1.ScaledObject{scaledObject("web", "a.test"), leaving} {
		b.controller.backfill.observe(so)
	}
	if n := b.controller.backfill.queue.Len(); n > 0 {
		t.Errorf("%d are queued", n)
	}
	if writes := b.written(); len(writes) > 0 {
		t.Errorf("writes %q", writes)
	}
}
