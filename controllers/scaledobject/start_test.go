package scaledobject

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"github.com/onsi/gomega"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllertest"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/watch"
)

// start runs the controller of the bench until the test ends.
func (b *bench) start() {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- b.controller.Start(ctx) }()
	go func() { done <- b.watcher.Run(ctx) }()
	b.t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, <-done); err != nil {
			b.t.Error(err)
		}
	})
}

func (b *bench) informer(object client.Object) *controllertest.FakeInformer {
	b.t.Helper()
	informer, err := b.cache.FakeInformerFor(context.Background(), object)
	if err != nil {
		b.t.Fatal(err)
	}
	return informer
}

// await polls with a fake clock that moves on: backoffs are on it.
func (b *bench) await(what string, condition func() bool) {
	b.t.Helper()
	gomega.NewWithT(b.t).Eventually(func() bool {
		if condition() {
			return true
		}
		b.clock.Step(watch.RetryMissing)
		return false
	}).WithTimeout(10*time.Second).WithPolling(time.Millisecond).Should(gomega.BeTrue(), what)
}

// KEDA's CRD may be installed after the product; what it then brings is taken as if it had been there.
func TestKEDAComesLater(t *testing.T) {
	b := newBench(t, stored("web"), webService())
	b.controller.kinds.synced = map[string]bool{}
	b.mapper.missing["ScaledObject"] = true
	b.rewrite = admission
	b.start()
	b.await("the first look", func() bool { return b.controller.kinds.has("Service") })
	if writes := b.written(); len(writes) > 0 {
		t.Errorf("writes without KEDA: %q", writes)
	}
	b.mapper.mu.Lock()
	delete(b.mapper.missing, "ScaledObject")
	b.mapper.mu.Unlock()
	b.await("the second look", func() bool { return b.controller.kinds.has("ScaledObject") })
	so := &kedav1alpha1.ScaledObject{}
	b.exists(so, "web")
	b.informer(so).Add(so)
	b.await("the route", func() bool { return b.exists(&gwv1.HTTPRoute{}, "web-0") })
	b.await("the backfill", func() bool {
		b.exists(so, "web")
		return so.Spec.Triggers[0].Type == "external-push"
	})
}

// awaitRefusals waits until the API server did not answer ten times.
func (b *bench) awaitRefusals() {
	b.t.Helper()
	refused := func() int {
		b.mapper.mu.Lock()
		defer b.mapper.mu.Unlock()
		return b.mapper.refused
	}
	before := refused()
	b.await("ten questions", func() bool { return refused() >= before+10 })
}

// An API server that is away is no reason to end, and what could not be asked for is not absent.
func TestAPIServerAway(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"), webService())
	b.controller.kinds.synced = map[string]bool{}
	away := func(err error) {
		b.mapper.mu.Lock()
		defer b.mapper.mu.Unlock()
		b.mapper.err = err
	}
	away(errors.New("connection refused"))
	b.mapper.missing["Rollout"] = true // as nearly everywhere, so that it is asked for again and again
	b.start()
	b.awaitRefusals()
	if b.controller.kinds.has("Service") {
		t.Fatal("a kind is known that was not asked for")
	}
	away(nil)
	b.await("the first look", func() bool { return b.controller.kinds.has("ScaledObject") })
	away(errors.New("connection refused"))
	b.awaitRefusals()
	so := scaledObject("web", "a.test")
	b.informer(so).Add(so)
	b.await("the route", func() bool { return b.exists(&gwv1.HTTPRoute{}, "web-0") })
}

// Changes of what a trigger refers to reach it, and those that mean nothing do not.
func TestChangesReachTriggers(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"))
	b.controller.kinds.synced = map[string]bool{}
	b.start()
	b.await("the first look", func() bool { return b.controller.kinds.has("ScaledObject") })
	so := scaledObject("web", "a.test")
	b.informer(so).Add(so)
	resolved := func() bool {
		scaler := &v1alpha1.HTTPScaler{}
		return b.exists(scaler, "web-0") && len(scaler.Status.Conditions) > 1 && scaler.Status.Conditions[1].Status == "True"
	}
	b.await("the route", func() bool { return b.exists(&gwv1.HTTPRoute{}, "web-0") })
	if resolved() {
		t.Fatal("resolved without a Service")
	}
	service := webService()
	b.create(service)
	b.informer(service).Add(service)
	b.await("resolution", resolved)

	polled := so.DeepCopy()
	polled.Status.OriginalReplicaCount = new(int32) // KEDA writes the status at every poll
	before := b.controller.queue.Len()
	b.informer(so).Update(so, polled)
	b.clock.Step(time.Second)
	if b.controller.queue.Len() > before {
		t.Error("a status of KEDA's is looked at")
	}
}

// An API server that serves Ingresses and cannot list them holds all triggers up for foreignPatience, and not
// longer. Until it lists them, a new trigger counts as bypassed: its demand is unknown, not zero.
func TestForeignKindIsNotListed(t *testing.T) {
	so := scaledObject("web", "a.test")
	delete(so.Spec.Triggers[0].Metadata, "trafficAutowire")
	b := newBench(t, so, webService(), webIngress())
	b.controller.kinds.synced = map[string]bool{}
	b.controller.foreignKnown.Store(false)
	ingresses := controllertest.NewFakeInformer()
	b.cache.InformersByGVK = map[schema.GroupVersionKind]toolscache.SharedIndexInformer{
		networkingv1.SchemeGroupVersion.WithKind("Ingress"): ingresses,
	}
	b.start()
	wait := gomega.NewWithT(t)
	wait.Eventually(func() bool { return b.controller.kinds.has("ScaledObject") }).WithTimeout(10 * time.Second).Should(gomega.BeTrue())
	b.informer(so).Add(so)
	b.clock.Step(foreignPatience - time.Millisecond)
	wait.Consistently(b.written).WithTimeout(200 * time.Millisecond).Should(gomega.BeEmpty())

	bypass := func() string {
		scaler := &v1alpha1.HTTPScaler{}
		b.exists(scaler, "web-0")
		return strings.Join(scaler.Spec.Traffic.Bypass, ", ")
	}
	b.await("the HTTPScaler", func() bool { return b.exists(&v1alpha1.HTTPScaler{}, "web-0") })
	if got := bypass(); !strings.HasSuffix(got, "not read yet") {
		t.Errorf("bypassed by %q before Ingresses are listed", got)
	}
	ingresses.Synced()
	b.await("the Ingress", func() bool { return bypass() == "Ingress shop/web" })
}
