package scaledobject

import (
	"context"
	"slices"
	"testing"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"

	"github.com/kedify/inference-gateway/controllers/linger"
)

// With autowiring the proxies stay for a grace after the last trigger of the namespace: wired Services still
// lead to them. A trigger that comes meanwhile keeps them.
func TestProxiesOutliveTheLastTrigger(t *testing.T) {
	b := newBench(t, scaledObject("web", "a.test"), webService())
	b.controller.Autowire = true
	remove := func() {
		t.Helper()
		so := &kedav1alpha1.ScaledObject{}
		b.exists(so, "web")
		if err := b.client.Delete(context.Background(), so); err != nil {
			t.Fatal(err)
		}
		b.written()
		b.reconcile()
		if writes := b.written(); !slices.Equal(writes, []string{"delete HTTPRoute web-0", "delete HTTPScaler web-0"}) {
			t.Errorf("writes %q", writes)
		}
	}
	b.reconcile()
	remove()
	b.clock.Step(linger.DefaultGrace - 1)
	so := scaledObject("web", "a.test")
	if err := b.client.Create(context.Background(), so); err != nil {
		t.Fatal(err)
	}
	b.reconcile()
	b.clock.Step(linger.DefaultGrace)
	remove()
	b.clock.Step(linger.DefaultGrace - 1)
	b.reconcile()
	if writes := b.written(); len(writes) > 0 {
		t.Errorf("writes %q before the grace is over", writes)
	}
	b.clock.Step(1)
	b.reconcile()
	if writes := b.written(); !slices.Equal(writes, []string{"delete Gateway kedify-proxy", "delete GatewayParameters kedify-proxy"}) {
		t.Errorf("writes %q", writes)
	}
}
