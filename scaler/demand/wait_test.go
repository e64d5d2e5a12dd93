package demand_test

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand"
)

// waits returns how the requests of a key fare at a replica; false: nothing is known.
func (r *replica) waits() (wait demand.Wait, any bool) {
	r.Waits(func(key types.NamespacedName, found demand.Wait) {
		if key == webKey {
			wait, any = found, true
		}
	})
	return wait, any
}

// sameWait compares moments within a millisecond: ages travel in milliseconds.
func sameWait(t *testing.T, what string, got, want demand.Wait) {
	t.Helper()
	near := func(a, b time.Time) bool { return a.IsZero() == b.IsZero() && a.Sub(b).Abs() <= 2*time.Millisecond }
	if got.Held != want.Held || !near(got.Since, want.Since) || !near(got.Failed, want.Failed) || !near(got.Served, want.Served) {
		t.Errorf("%s:\n%+v, want\n%+v", what, got, want)
	}
}

// Every replica knows since when requests wait, when one failed and when one was served, wherever they are held.
func TestWaits(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a", trigger()), w.replica("b", trigger())
	want := demand.Wait{}
	everywhere := func(what string) {
		t.Helper()
		w.exchange()
		for _, r := range []*replica{a, b} {
			got, any := r.waits()
			if any != (want != demand.Wait{}) {
				t.Errorf("%s: known at %s: %v", what, r.name, any)
			}
			sameWait(t, what+" at "+r.name, got, want)
		}
	}
	everywhere("nothing")

	w.run(time.Second)
	want.Since, want.Held = w.clock.Now(), 1
	b.Hold(webKey, demand.Holding{Held: 1, Arrived: 1})
	everywhere("the first request waits")

	w.run(time.Second)
	b.Hold(webKey, demand.Holding{Held: 2, Arrived: 2})
	want.Held = 2
	everywhere("a second one changes nothing")

	b.Hold(webKey, demand.Holding{Held: 0, Arrived: 2})
	want.Held = 0
	everywhere("the clients have left, and were not served")

	w.run(time.Second)
	b.Answered(webKey, false)
	want.Failed = w.clock.Now()
	everywhere("one failed")

	w.run(time.Second)
	b.Hold(webKey, demand.Holding{Held: 2, Arrived: 4})
	b.Hold(webKey, demand.Holding{Held: 1, Arrived: 4})
	b.Answered(webKey, true)
	want.Since, want.Served, want.Held = w.clock.Now(), w.clock.Now(), 1
	everywhere("one was served, the other waits from then on")

	w.run(time.Second)
	b.Hold(webKey, demand.Holding{Held: 0, Arrived: 4})
	b.Answered(webKey, true)
	want.Since, want.Served, want.Held = time.Time{}, w.clock.Now(), 0
	everywhere("all were served")
}

// A request that is answered at once for want of an endpoint, because nothing will start its target, has arrived as well: whether
// requests come is what Served goes by.
func TestTurnedAwayHasArrived(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a", trigger()), w.replica("b", trigger())
	w.run(time.Second)
	b.Answered(webKey, false)
	now := w.clock.Now()
	w.exchange()
	for _, r := range []*replica{a, b} {
		got, _ := r.waits()
		sameWait(t, "turned away at "+r.name, got, demand.Wait{Since: now, Failed: now})
		if got.Arrived.Sub(now).Abs() > 2*time.Millisecond {
			t.Errorf("%s: the last request came at %s, want %s", r.name, got.Arrived, now)
		}
	}
}

// A request that finds an endpoint at once ends the wait of those whose clients have left.
func TestPassedEndsAWait(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger())
	r.Passed(webKey)
	if _, any := r.waits(); any {
		t.Error("a request that passed is taken for one that waited")
	}
	r.Hold(webKey, demand.Holding{Held: 1, Arrived: 1})
	r.Hold(webKey, demand.Holding{Held: 0, Arrived: 1})
	w.run(time.Second)
	r.Passed(webKey)
	got, _ := r.waits()
	sameWait(t, "it passed", got, demand.Wait{Served: w.clock.Now()})
}

// A replica that sent its requests to another one, where they were served, has none that wait.
func TestServedElsewhere(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a", trigger()), w.replica("b", trigger())
	a.Hold(webKey, demand.Holding{Held: 1, Arrived: 1})
	w.exchange()
	w.run(time.Second)
	a.Hold(webKey, demand.Holding{Held: 0, Arrived: 1})
	b.Hold(webKey, demand.Holding{Held: 1, Arrived: 1})
	b.Hold(webKey, demand.Holding{Held: 0, Arrived: 1})
	b.Answered(webKey, true)
	w.exchange()
	for _, r := range []*replica{a, b} {
		got, _ := r.waits()
		sameWait(t, r.name, got, demand.Wait{Served: w.clock.Now()})
	}
}

// What a replica said that is gone does not count for long.
func TestWaitOfReplicaThatIsGone(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a", trigger()), w.replica("b", trigger())
	b.Hold(webKey, demand.Holding{Held: 1, Arrived: 1})
	w.exchange()
	if got, _ := a.waits(); got.Since.IsZero() {
		t.Fatalf("%+v", got)
	}
	w.dies(b)
	w.run(5 * time.Second)
	if got, any := a.waits(); any && !got.Since.IsZero() {
		t.Errorf("%+v", got)
	}
}

// Without a trigger in force there is nothing to say, and nothing is kept.
func TestWaitsWithoutATrigger(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger())
	r.Answered(types.NamespacedName{Namespace: "shop", Name: "nothing"}, false)
	r.Hold(webKey, demand.Holding{Held: 1, Arrived: 1})
	r.catalog.Set(webKey, nil)
	if _, any := r.waits(); any {
		t.Error("of a trigger that is gone")
	}
	r.Hold(webKey, demand.Holding{Arrived: 1})
	r.Tidy()
	if r.Entries() != 0 {
		t.Errorf("%d keys are left", r.Entries())
	}
}
