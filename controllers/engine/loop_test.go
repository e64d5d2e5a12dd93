package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kedify/inference-gateway/controllers/store"
)

// flushes counts the flushes of a loop.
type flushes struct{ count, events int }

func (f *flushes) Flushed(events int, _, _ time.Duration) {
	f.count++
	f.events += events
}

// TestLoop: each input alone makes the loop flush, a burst is one flush, and an object that did
// not change causes none.
func TestLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		out, measured := newRecorder(), &flushes{}
		loop := NewLoop(out, measured)
		done := make(chan error, 1)
		go func() { done <- loop.Run(ctx) }()
		quiet := func() { time.Sleep(time.Second); synctest.Wait() }

		world := newWorld(1)
		class, gateway := generators[store.GatewayClass](world), failingGatewayObject(1, 80)
		loop.Set(store.GatewayClass, class)
		loop.Set(store.Gateway, gateway)
		quiet()
		if len(out.ready) > 0 {
			t.Error("a model that is not synced calls its output")
		}
		loop.Synced()
		quiet()
		if !out.ready[failingGateway] {
			t.Error("the gateway is not ready after Synced")
		}
		before := measured.count
		loop.Set(store.Gateway, gateway)
		quiet()
		if measured.count != before {
			t.Error("an object that did not change causes a flush")
		}
		for name, event := range map[string]func(){
			"Deliver":   func() { loop.Deliver(failingGateway, Delivery{Connected: 1}) },
			"Built":     func() { loop.Built(failingGateway, "quota exceeded") },
			"Installed": func() { loop.Installed(nil); loop.Installed(world.crds()) },
		} {
			wrote := out.wrote
			event()
			quiet()
			if out.wrote == wrote {
				t.Errorf("%s changes no status", name)
			}
		}
		before = measured.count
		loop.Delete(store.Gateway, failingGateway)
		quiet()
		if measured.count != before+1 || out.ready[failingGateway] {
			t.Error("the deleted gateway is not forgotten by one flush")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
