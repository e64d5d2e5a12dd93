package engine

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/resource"
)

// shaky is an output that panics while it publishes for one gateway.
type shaky struct {
	*recorder
	breaks types.NamespacedName
}

func (s *shaky) Publish(gateway types.NamespacedName, change resource.Change) {
	if gateway == s.breaks {
		panic("nil map of " + gateway.Name)
	}
	s.recorder.Publish(gateway, change)
}

// TestX10PanicOutsideOfUnits: an object that cannot be taken in, and a stage that panics for one gateway, end neither the
// loop nor the work for others, and are told of.
func TestX10PanicOutsideOfUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		out := &shaky{recorder: newRecorder()}
		loop := NewLoop(out, class.Setting{}, &flushes{})
		done := make(chan error, 1)
		go func() { done <- loop.Run(ctx) }()
		quiet := func() { time.Sleep(time.Second); synctest.Wait() }
		loop.Set(store.GatewayClass, generators[store.GatewayClass](newWorld(1)))
		loop.Set(store.Gateway, failingGatewayObject(1, 80))
		broken := failingGatewayObject(1, 81)
		broken.Name = "broken"
		out.breaks = store.KeyOf(broken)
		loop.Set(store.Gateway, broken)
		loop.Set("NoSuchKind", failingGatewayObject(1, 82)) // the store has no row for it
		loop.Synced()
		quiet()
		if !out.ready[failingGateway] {
			t.Error("the gateway beside the broken one is not ready")
		}
		told := strings.Join(out.failures, "\n")
		for _, wanted := range []string{"resources of Gateway app/broken: panic: nil map of broken", "NoSuchKind app/gw: panic"} {
			if !strings.Contains(told, wanted) {
				t.Errorf("%q is not told of: %s", wanted, told)
			}
		}
		if out.ready[out.breaks] {
			t.Error("the broken gateway is ready without its resources")
		}
		mended := out.breaks
		out.breaks = types.NamespacedName{}
		loop.Set(store.Gateway, failingGatewayObject(2, 83)) // any change
		quiet()
		if !out.ready[mended] {
			t.Error("the gateway is not ready after what broke it is gone")
		}
		wrote := out.wrote
		loop.Deliver(failingGateway, Delivery{Connected: 1})
		quiet()
		if out.wrote == wrote {
			t.Error("the loop does not go on")
		}
		cancel()
		<-done
	})
}
