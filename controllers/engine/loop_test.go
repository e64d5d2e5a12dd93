package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kedify/inference-gateway/controllers/store"
)

// flushes counts the flushes of a loop.
type flushes struct {
	count, events int
	delay         time.Duration // of the last one
}

func (f *flushes) Flushed(events int, _, delay time.Duration) {
	f.count++
	f.events += events
	f.delay = delay
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

// TestLoopGathersABurst: after a flush, changes that follow each other soon are computed together: when there
// was none for quietTime, and at the latest after maxDelay.
func TestLoopGathersABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		measured := &flushes{}
		loop := NewLoop(newRecorder(), measured)
		done := make(chan error, 1)
		go func() { done <- loop.Run(ctx) }()
		change := func() { loop.Deliver(failingGateway, Delivery{}) }
		flushed := func(at time.Duration, want, events int) {
			t.Helper()
			time.Sleep(at)
			synctest.Wait()
			if measured.count != want || measured.events != events {
				t.Errorf("%d flushes of %d events, want %d of %d", measured.count, measured.events, want, events)
			}
		}
		change()
		flushed(0, 1, 1) // alone: at once
		change()
		flushed(quietTime-1, 1, 1)
		flushed(1, 2, 2)
		change()
		flushed(quietTime-1, 2, 2)
		change() // the quiet time begins anew
		flushed(quietTime-1, 2, 2)
		flushed(1, 3, 4)
		if want := 2*quietTime - 1; measured.delay != want {
			t.Errorf("the delay of a flush is %s, want %s since the first of its events", measured.delay, want)
		}
		for range 2 * maxDelay / time.Millisecond { // never quiet
			change()
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		if measured.count != 5 {
			t.Errorf("%d flushes, want one for each %s of a burst of twice that", measured.count-3, maxDelay)
		}
		change()
		synctest.Wait()
		cancel() // while it gathers
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
