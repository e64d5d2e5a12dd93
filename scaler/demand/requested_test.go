package demand_test

import (
	"testing"
	"time"

	"github.com/kedify/inference-gateway/scaler/demand"
)

// Requested says whether a request ever came through a proxy: counted or held, before this replica
// began or after, here or elsewhere, long after it.
func TestRequested(t *testing.T) {
	wantRequested := func(t *testing.T, r *replica, want bool) {
		t.Helper()
		if reading := r.read(); reading.Requested != want {
			t.Errorf("%s: %+v", r.name, reading)
		}
	}
	t.Run("counted", func(t *testing.T) {
		w := newWorld(t)
		a, b := w.replica("a", trigger()), w.replica("b", trigger())
		p := w.proxy("p", a, 0, 100*time.Millisecond)
		w.run(2 * time.Minute)
		wantRequested(t, a, false)
		wantRequested(t, b, false)
		p.sent = 1
		w.run(10 * time.Minute)
		wantRequested(t, a, true)
		wantRequested(t, b, true)
		p.restart()
		w.run(time.Minute)
		wantRequested(t, a, true)
	})
	t.Run("counted before the replicas began", func(t *testing.T) {
		w := newWorld(t)
		a := w.replica("a", trigger())
		w.proxy("p", a, time.Hour, 100*time.Millisecond).sent = 1
		w.run(10 * time.Minute)
		wantRequested(t, a, true)
		late := w.replica("late", trigger())
		w.exchange()
		wantRequested(t, late, true)
	})
	t.Run("held", func(t *testing.T) {
		w := newWorld(t)
		a := w.replica("a", trigger())
		w.proxy("p", a, 0, 100*time.Millisecond)
		w.run(2 * time.Second)
		a.Hold(webKey, demand.Holding{Held: 1, Arrived: 1})
		wantRequested(t, a, true)
		a.Hold(webKey, demand.Holding{Arrived: 1})
		w.run(10 * time.Minute)
		wantRequested(t, a, true)
	})
	t.Run("held and not known otherwise", func(t *testing.T) {
		w := newWorld(t)
		a := w.replica("a", trigger(gateways()))
		if reading, err := a.Read(webKey); err == nil || reading.Requested {
			t.Errorf("%+v, %v", reading, err)
		}
		a.Hold(webKey, demand.Holding{Held: 1, Arrived: 1})
		a.Hold(webKey, demand.Holding{Arrived: 1})
		if reading, err := a.Read(webKey); err == nil || !reading.Requested {
			t.Errorf("%+v, %v", reading, err)
		}
	})
}
