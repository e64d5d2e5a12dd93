package demand_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand"
)

// Long streams are in flight for as long as they last, exactly, and count as no new requests.
func TestLongStreams(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(concurrency("average")))
	one, two := w.proxy("one", r, 0, 100*time.Millisecond), w.proxy("two", r, 0, 600*time.Millisecond)
	one.active, two.active = inFlight(3), inFlight(2)
	one.sent = 3
	w.run(5 * time.Minute)
	reading := r.read()
	if reading.InFlight != 5 || !reading.Active || reading.Rate != 0 {
		t.Errorf("reading %+v", reading)
	}
	near(t, "the concurrency", reading.Concurrency, 5, 0.001)
	one.active, two.active = inFlight(0), inFlight(0)
	w.run(time.Second)
	if reading := r.read(); reading.InFlight != 0 {
		t.Errorf("after the end %+v", reading)
	}
	w.run(16 * time.Second)
	if reading := r.read(); reading.Concurrency != 0 || !reading.Active {
		t.Errorf("after the window %+v", reading)
	}
}

// A load that comes and goes is averaged over 15 s; peak and instant say what they say.
func TestAggregation(t *testing.T) {
	onAndOff := func(since time.Duration) uint64 {
		if int(since.Seconds())%6 < 3 {
			return 10
		}
		return 0
	}
	for aggregation, want := range map[string]struct{ least, most float64 }{
		"average": {4, 6}, "peak": {9, 10.001}, "instant": {0, 10}, "": {4, 6},
	} {
		w := newWorld(t)
		r := w.replica("a", trigger(concurrency(v1alpha1.Aggregation(aggregation))))
		p := w.proxy("p", r, 0, 100*time.Millisecond)
		p.active = onAndOff
		w.run(time.Minute)
		least, most := math.Inf(1), 0.0
		w.every = append(w.every, func() {
			got := r.read().Concurrency
			least, most = min(least, got), max(most, got)
		})
		w.run(30 * time.Second)
		if least < want.least || most > want.most || aggregation == "instant" && (least != 0 || most != 10) {
			t.Errorf("%q is between %.2f and %.2f, not between %.2f and %.2f", aggregation, least, most, want.least, want.most)
		}
	}
}

// What begins after a quiet time is seen after two flushes, in proxies and held.
func TestLoadBegins(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(concurrency("")))
	p := w.proxy("p", r, 0, 100*time.Millisecond)
	w.run(time.Minute)
	r.Hold(webKey, demand.Holding{Held: 50, Arrived: 50})
	w.run(2 * time.Second)
	near(t, "the concurrency of what is held", r.read().Concurrency, 50, 0.03)
	p.active = inFlight(50)
	r.Hold(webKey, demand.Holding{Held: 0, Arrived: 50})
	w.run(20 * time.Second)
	near(t, "the concurrency of what was released", r.read().Concurrency, 50, 0.03)
	w.run(40 * time.Second)
	near(t, "the concurrency", r.read().Concurrency, 50, 0.001)
}

// A short window is the window of the concurrency, too.
func TestShortLoadWindow(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(concurrency(""), window(5*time.Second, time.Second)))
	p := w.proxy("p", r, 0, 100*time.Millisecond)
	p.active = inFlight(10)
	w.run(time.Minute)
	p.active = inFlight(0)
	w.run(6500 * time.Millisecond)
	if got := r.read().Concurrency; got != 0 {
		t.Errorf("concurrency %v", got)
	}
}

// T67: the requests in flight of a proxy that is killed are gone within 5 s, whether its
// stream ends or it is only silent, and those of the other stay.
func TestProxyKilled(t *testing.T) {
	for _, silent := range []bool{false, true} {
		t.Run(fmt.Sprintf("silent %t", silent), func(t *testing.T) {
			w := newWorld(t)
			r := w.replica("a", trigger(concurrency("instant")))
			one, two := w.proxy("one", r, 0, 100*time.Millisecond), w.proxy("two", r, 0, 600*time.Millisecond)
			one.active, two.active = inFlight(7), inFlight(2)
			one.rate, two.rate = constant(70), constant(20)
			w.run(time.Minute)
			near(t, "the sum", r.read().Rate, 90, 0.01)
			one.at = nil
			if !silent {
				r.Gone(one.key)
			}
			w.run(1900 * time.Millisecond)
			if got := r.read().InFlight; got != 9 {
				t.Errorf("%d in flight after 1.9 s", got)
			}
			w.run(3100 * time.Millisecond)
			if got := r.read().InFlight; got != 2 {
				t.Errorf("%d in flight after 5 s", got)
			}
			w.run(time.Minute)
			near(t, "the rate of the other", r.read().Rate, 20, 0.01)
		})
	}
}

// A stream that breaks for a moment changes nothing.
func TestStreamBreaks(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(concurrency("")))
	one, two := w.proxy("one", r, 0, 100*time.Millisecond), w.proxy("two", r, 0, 600*time.Millisecond)
	one.active, two.active = inFlight(7), inFlight(2)
	one.rate, two.rate = constant(70), constant(20)
	w.run(time.Minute)
	w.every = append(w.every, func() {
		reading := r.read()
		if reading.InFlight != 9 {
			t.Errorf("%d in flight", reading.InFlight)
		}
		near(t, "the concurrency", reading.Concurrency, 9, 0.001)
		near(t, "the rate", reading.Rate, 90, 0.03)
	})
	one.at = nil
	r.Gone(one.key)
	w.run(900 * time.Millisecond)
	one.at = r
	w.run(20 * time.Second)
	if counted := float64(r.Counted(webKey.String())); counted < one.total+two.total-91 || counted > one.total+two.total {
		t.Errorf("counted %.0f of %.0f", counted, one.total+two.total)
	}
}

// A proxy that was gone for so long that its requests in flight were dropped, and comes back
// with them, counts from then on: what was counted until then is not counted again.
func TestProxyComesBack(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(concurrency("")))
	one, two := w.proxy("one", r, 0, 100*time.Millisecond), w.proxy("two", r, 0, 600*time.Millisecond)
	one.active, two.active = inFlight(7), inFlight(2)
	w.run(time.Minute)
	one.at = nil
	r.Gone(one.key)
	w.run(2150 * time.Millisecond)
	if got := r.read().InFlight; got != 2 {
		t.Errorf("%d in flight", got)
	}
	one.at = r
	one.flush()
	w.every = append(w.every, func() {
		if got := r.read().Concurrency; got > 9.001 || got < 8.5 {
			t.Errorf("the concurrency is %.3f", got)
		}
	})
	w.run(20 * time.Second)
	near(t, "the concurrency", r.read().Concurrency, 9, 0.001)
}
