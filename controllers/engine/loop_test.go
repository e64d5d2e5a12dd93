package engine

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/store"
)

// flushes counts the flushes of a loop. A timer that fires in a bubble orders nothing for the race
// detector, so there is a lock.
type flushes struct {
	mu sync.Mutex
	seen
}

type seen struct {
	count, events int
	delay         time.Duration // of the last one
}

func (f *flushes) read() seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen
}

func (f *flushes) Flushed(events int, _, delay time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
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
		loop := NewLoop(out, class.Setting{}, measured)
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
		before := measured.read().count
		loop.Set(store.Gateway, gateway)
		loop.Installed(nil)
		loop.Built(failingGateway, "")
		quiet()
		if measured.read().count != before {
			t.Error("what did not change causes a flush")
		}
		for name, event := range map[string]func(){
			"Deliver":   func() { loop.Deliver(failingGateway, Delivery{Connected: 1}) },
			"Built":     func() { loop.Built(failingGateway, "quota exceeded") },
			"Installed": func() { loop.Installed(world.crds()) },
		} {
			wrote := out.wrote
			event()
			quiet()
			if out.wrote == wrote {
				t.Errorf("%s changes no status", name)
			}
		}
		before = measured.read().count
		loop.Delete(store.Gateway, failingGateway)
		quiet()
		if measured.read().count != before+1 || out.ready[failingGateway] {
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
		loop := NewLoop(newRecorder(), class.Setting{}, measured)
		done := make(chan error, 1)
		go func() { done <- loop.Run(ctx) }()
		change := func() { loop.Deliver(failingGateway, Delivery{}) }
		flushed := func(at time.Duration, want, events int) {
			t.Helper()
			time.Sleep(at)
			synctest.Wait()
			if now := measured.read(); now.count != want || now.events != events {
				t.Errorf("%d flushes of %d events, want %d of %d", now.count, now.events, want, events)
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
		if got, want := measured.read().delay, 2*quietTime-1; got != want {
			t.Errorf("the delay of a flush is %s, want %s since the first of its events", got, want)
		}
		for range 2 * maxDelay / time.Millisecond { // never quiet
			change()
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		if count := measured.read().count; count != 5 {
			t.Errorf("%d flushes, want one for each %s of a burst of twice that", count-3, maxDelay)
		}
		change()
		synctest.Wait()
		cancel() // while it gathers
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestX1EndpointsAreGatheredShortly: a burst of others delays changed endpoints by urgentDelay.
func TestX1EndpointsAreGatheredShortly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		measured := &flushes{}
		loop := NewLoop(newRecorder(), class.Setting{}, measured)
		done := make(chan error, 1)
		go func() { done <- loop.Run(ctx) }()
		loop.Deliver(failingGateway, Delivery{})
		synctest.Wait()
		for i := range 3 * urgentDelay / time.Millisecond { // never quiet
			if i == 5 {
				loop.Set(store.EndpointSlice, crowdSlice(1, "10.0.0.1"))
			}
			loop.Deliver(failingGateway, Delivery{})
			time.Sleep(time.Millisecond)
			synctest.Wait()
			if now := measured.read(); i < 5 && now.count != 1 || i > 5+urgentDelay/time.Millisecond && now.count == 1 {
				t.Errorf("%d flushes after %d ms", now.count, i+1)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
