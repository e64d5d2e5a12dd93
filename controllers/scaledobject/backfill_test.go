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

	"github.com/kedify/inference-gateway/scaler/trigger"
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

// Without admission the owner is told, once, and again after the object was rewritten meanwhile.
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

// What was stored before mutual TLS was turned on gets a reference, and loses it when that is
// turned off; one of the owner's stays.
func TestBackfillAuthentication(t *testing.T) {
	ours := kedav1alpha1.AuthenticationRef{Name: "gw", Kind: trigger.KindAuthentication}
	referring := func(to *kedav1alpha1.AuthenticationRef) *kedav1alpha1.ScaledObject {
		so := scaledObject("web", "a.test")
		so.Spec.Triggers[0].AuthenticationRef = to
		return so
	}
	for name, test := range map[string]struct {
		required bool
		before   *kedav1alpha1.AuthenticationRef
		patched  bool
		says     string // without admission
	}{
		"on":             {true, nil, true, "trigger 0 needs an authenticationRef for mutual TLS"},
		"on already":     {true, &ours, false, ""},
		"on, the user's": {true, &kedav1alpha1.AuthenticationRef{Name: "mine"}, false, ""},
		"off":            {false, &ours, true, "the authenticationRef of trigger 0 leads to the ClusterTriggerAuthentication gw"},
		"off already":    {false, nil, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			key := client.ObjectKey{Namespace: "shop", Name: "web"}
			b := newBench(t, referring(test.before))
			b.controller.backfill.options.Authentication = trigger.Authentication{Name: "gw", Required: test.required}
			b.controller.backfill.observe(referring(test.before))
			if queued := b.controller.backfill.queue.Len() > 0; queued != test.patched {
				t.Errorf("queued: %v", queued)
			}
			if gaveUp := b.controller.backfill.attempt(context.Background(), key); gaveUp == test.patched {
				t.Errorf("without admission, nothing is left to do: %v", gaveUp)
			}
			events := b.heard()
			if test.patched && (len(events) != 1 || !strings.Contains(events[0], test.says)) || !test.patched && len(events) > 0 {
				t.Errorf("events %q", events)
			}
			b.rewrite = func(so *kedav1alpha1.ScaledObject) {
				so.Spec.Triggers[0].AuthenticationRef = nil
				if test.required {
					so.Spec.Triggers[0].AuthenticationRef = &ours
				}
			}
			if !b.controller.backfill.attempt(context.Background(), key) {
				t.Error("with admission it is to be tried again")
			}
			if writes := b.written(); (len(writes) > 0) != test.patched {
				t.Errorf("writes %q", writes)
			}
		})
	}
}
