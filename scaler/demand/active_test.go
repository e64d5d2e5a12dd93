package demand_test

import (
	"testing"
	"time"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
)

// One request of a tenth of a second every 20 s keeps a workload active at every moment.
func TestActivityWindow(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(window(10*time.Second, time.Second)))
	p := w.proxy("p", r, 0, 500*time.Millisecond)
	w.run(5 * time.Second)
	if r.read().Active {
		t.Error("active before the first request")
	}
	p.rate = func(since time.Duration) float64 {
		if since%(20*time.Second) < 50*time.Millisecond {
			return 20 // one request in 50 ms
		}
		return 0
	}
	w.run(20 * time.Second)
	w.every = append(w.every, func() {
		if !r.read().Active {
			t.Fatalf("idle at %s", w.clock.Since(start))
		}
	})
	w.run(5 * time.Minute)
	p.rate = constant(0)
	w.run(39 * time.Second)
	w.every = nil
	at, known := r.LastArrival(webKey)
	if since := w.clock.Since(at); !known || since < 38*time.Second || since > time.Minute {
		t.Errorf("last arrival %s ago, known %t", since, known)
	}
	w.run(time.Minute - w.clock.Since(at))
	if reading := r.read(); reading.Active || !reading.Settled {
		t.Errorf("a minute after the last request: %+v", reading)
	}
}

// The activity window is the longer of the window, by default a minute, and two polls.
func TestActivityWindowLength(t *testing.T) {
	polling := func(seconds int32) func(*scaler.Scaler) {
		return func(s *scaler.Scaler) { s.Spec.Scale.PollingSeconds = seconds }
	}
	both := func(a, b func(*scaler.Scaler)) func(*scaler.Scaler) {
		return func(s *scaler.Scaler) { a(s); b(s) }
	}
	for _, c := range []struct {
		name   string
		option func(*scaler.Scaler)
		want   time.Duration
	}{
		{"the defaults", func(*scaler.Scaler) {}, time.Minute},
		{"a long window", window(3*time.Minute, time.Second), 3 * time.Minute},
		{"rare polls", polling(100), 200 * time.Second},
		{"two polls and a short window", both(polling(10), window(10*time.Second, time.Second)), 20 * time.Second},
		{"a short window and frequent polls", both(polling(3), window(10*time.Second, time.Second)), 10 * time.Second},
	} {
		w := newWorld(t)
		r := w.replica("a", trigger(c.option))
		p := w.proxy("p", r, 0, 500*time.Millisecond)
		p.sent = 1
		w.run(time.Second)
		p.rate = constant(0)
		at, _ := r.LastArrival(webKey)
		w.run(c.want - w.clock.Since(at) - 50*time.Millisecond)
		if !r.read().Active {
			t.Errorf("%s: idle early", c.name)
		}
		w.run(100 * time.Millisecond)
		if r.read().Active {
			t.Errorf("%s: active for too long", c.name)
		}
	}
}

// One request at zero wakes an application with any activation target: it is held, and nothing else
// would ever answer it. When it is released and alone, the application is idle below the target.
func TestS6HeldRequestWakes(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(activation(5), window(10*time.Second, time.Second)))
	changed, cancel := r.Wake(webKey)
	defer cancel()
	p := w.proxy("p", r, 0, 500*time.Millisecond)
	p.rate = constant(0)
	w.run(10 * time.Second)
	r.Hold(webKey, demand.Holding{Held: 1, Arrived: 1})
	if !r.read().Active || !woken(changed) {
		t.Error("a held request does not wake the application")
	}
	r.Hold(webKey, demand.Holding{Arrived: 1})
	p.active = inFlight(1)
	w.run(3 * time.Second)
	if r.read().Active {
		t.Error("one request, which runs, exceeds a target of 5")
	}
}

// With an activation target arrivals alone do not activate; exceeding it does, for the
// activity window; and held requests do in any case.
func TestActivationTarget(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(activation(5), window(10*time.Second, time.Second)))
	changed, cancel := r.Wake(webKey)
	defer cancel()
	p := w.proxy("p", r, 0, 500*time.Millisecond)
	p.rate = constant(4)
	w.run(time.Minute)
	if r.read().Active || woken(changed) {
		t.Error("active below the target")
	}
	p.rate = constant(8)
	w.run(15 * time.Second)
	if !r.read().Active || !woken(changed) {
		t.Error("idle above the target")
	}
	p.rate = constant(2)
	w.run(50 * time.Second)
	if !r.read().Active {
		t.Error("idle within the activity window")
	}
	w.run(20 * time.Second)
	if r.read().Active {
		t.Error("active after the activity window")
	}
	p.active = inFlight(6)
	w.run(1100 * time.Millisecond)
	if !r.read().Active {
		t.Error("idle with more requests in flight than the target")
	}
	p.active = inFlight(0)
	w.run(90 * time.Second)
	if r.read().Active {
		t.Error("active again")
	}
	r.Hold(webKey, demand.Holding{Held: 1, Arrived: 1})
	if !r.read().Active {
		t.Error("idle while a request is held")
	}
}

func woken(changed <-chan struct{}) bool {
	select {
	case <-changed:
		return true
	default:
		return false
	}
}

// A caller that waits is woken when requests begin to be held and when activity starts, not by
// every request.
func TestWake(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger())
	changed, cancel := r.Wake(webKey)
	other, cancelOther := r.Wake(webKey)
	p := w.proxy("p", r, 0, 500*time.Millisecond)
	w.run(5 * time.Second)
	if woken(changed) {
		t.Error("woken by nothing")
	}
	p.rate = constant(1)
	w.run(2 * time.Second)
	if !woken(changed) || !woken(other) {
		t.Error("not woken by the first request")
	}
	cancelOther()
	w.run(time.Minute)
	if woken(changed) {
		t.Error("woken again by the same activity")
	}
	r.Hold(webKey, demand.Holding{Held: 1, Arrived: 1})
	if !woken(changed) || woken(other) {
		t.Error("a held request did not wake the caller that waits for its trigger, or woke another one")
	}
	r.Hold(webKey, demand.Holding{Held: 2, Arrived: 2})
	r.Hold(webKey, demand.Holding{Held: 1, Arrived: 2})
	w.run(2 * time.Second)
	if woken(changed) {
		t.Error("woken by the second")
	}
	r.catalog.Set(webKey, trigger())
	w.run(2 * time.Second)
	if !woken(changed) {
		t.Error("not woken by a request for a trigger that changed")
	}
	r.Hold(webKey, demand.Holding{Held: 0, Arrived: 2})
	p.rate = constant(0)
	w.run(2 * time.Minute)
	if r.read().Active || woken(changed) {
		t.Error("active after the end, or woken by it")
	}
	r.Hold(webKey, demand.Holding{Held: 0, Arrived: 3}) // answered with a page at once
	if !woken(changed) || !r.read().Active {
		t.Error("not woken by a request that was answered with a page")
	}
	cancel()
}

// Requests that are in flight since before the registry began wake, too.
func TestWakeByRequestsInFlight(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger())
	changed, cancel := r.Wake(webKey)
	defer cancel()
	p := w.proxy("p", r, time.Hour, 500*time.Millisecond)
	p.sent = 5
	w.run(5 * time.Second)
	if woken(changed) || r.read().Active {
		t.Error("woken by requests that ended")
	}
	p.active = inFlight(3)
	w.run(2 * time.Second)
	if !woken(changed) || !r.read().Active {
		t.Error("not woken by requests in flight")
	}
}

// What becomes active without a reader is noticed, because the registry looks itself.
func TestWakeWithoutReaders(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger())
	changed, cancel := r.Wake(webKey)
	defer cancel()
	p := w.proxy("p", r, 0, 500*time.Millisecond)
	w.every = append(w.every, r.Tidy)
	for range 3 {
		p.rate = constant(1)
		w.run(2 * time.Second)
		if !woken(changed) {
			t.Error("not woken")
		}
		p.rate = constant(0)
		w.run(2 * time.Minute)
	}
}
