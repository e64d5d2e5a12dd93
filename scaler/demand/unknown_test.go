package demand_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
)

func (r *replica) unknown(why string) {
	r.t.Helper()
	reading, err := r.Read(webKey)
	if !errors.Is(err, demand.ErrUnknown) || !strings.Contains(err.Error(), why) {
		r.t.Errorf("replica %s: %+v, %v; not unknown because %s", r.name, reading, err, why)
	}
}

// Nothing known is an error, in each of the ways in which nothing can be known.
func TestUnknown(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a")
	r.unknown("no trigger shop/web-0 is in force")
	set := func(s *scaler.Scaler) { r.catalog.Set(webKey, s) }
	set(trigger(gateways()))
	r.unknown("served by no gateway")
	set(trigger())
	r.unknown("gateway shop/kedify-proxy: no proxy has reported")
	p := w.proxy("p", r, 0, 100*time.Millisecond)
	w.run(200 * time.Millisecond)
	if reading := r.read(); reading.Rate != 0 || reading.Active || !reading.Settled {
		t.Errorf("a proxy that has just begun: %+v", reading)
	}
	other := types.NamespacedName{Namespace: "infra", Name: "main"}
	set(trigger(gateways(gatewayKey, other)))
	r.unknown("gateway infra/main")
	set(trigger())
	p.rate, p.active = constant(10), inFlight(4)
	w.run(2 * time.Minute)
	set(nil)
	r.unknown("no trigger")
	set(trigger())
	w.run(2 * time.Second)
	near(t, "the rate of a trigger that came back", r.read().Rate, 10, 0.01)
}

// No report counts of the proxies of a gateway that does not serve the trigger.
func TestForeignGateway(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(concurrency("instant")))
	p := w.proxy("p", r, 0, 100*time.Millisecond)
	foreign := w.proxy("foreign", r, 0, 200*time.Millisecond)
	foreign.key.Gateway = types.NamespacedName{Namespace: "else", Name: "gateway"}
	foreign.rate, foreign.active = constant(50), inFlight(9)
	w.run(5 * time.Second)
	if reading := r.read(); reading.Rate != 0 || reading.InFlight != 0 || reading.Active || !reading.LastArrival.IsZero() {
		t.Errorf("%+v", reading)
	}
	p.rate = constant(10)
	w.run(5 * time.Second)
	near(t, "the rate", r.read().Rate, 10, 0.01)
	r.catalog.Set(webKey, trigger(gateways(gatewayKey, foreign.key.Gateway)))
	w.run(5 * time.Second)
	near(t, "the rate when it is served there, too", r.read().Rate, 60, 0.1)
}

// All proxies silent: the last numbers count for 15 s, then they are unknown, and after that
// known again at once, with nothing lost.
func TestLastGood(t *testing.T) {
	for _, silent := range []bool{false, true} {
		w := newWorld(t)
		r := w.replica("a", trigger(concurrency("")))
		p := w.proxy("p", r, 0, 100*time.Millisecond)
		p.rate, p.active = constant(50), inFlight(6)
		w.run(90 * time.Second)
		p.at = nil
		if !silent {
			r.Gone(p.key)
		}
		good := true
		w.every = []func(){func() {
			if !good {
				r.unknown("its proxies are silent")
				return
			}
			reading := r.read()
			near(t, "the rate", reading.Rate, 50, 0.01)
			near(t, "the concurrency", reading.Concurrency, 6, 0.01)
			if reading.InFlight != 6 || !reading.Active {
				t.Errorf("%+v", reading)
			}
		}}
		w.run(14 * time.Second)
		if !r.read().LastGood {
			t.Error("it is not said that these are the last good numbers")
		}
		w.every = nil
		w.run(2 * time.Second)
		good = false
		w.every = []func(){func() { r.unknown("its proxies are silent") }}
		w.run(20 * time.Second)
		w.every = nil
		p.at = r
		w.run(1500 * time.Millisecond)
		reading := r.read()
		near(t, "the rate", reading.Rate, 50, 0.01)
		if reading.InFlight != 6 || reading.LastGood {
			t.Errorf("%+v", reading)
		}
		if counted := float64(r.Counted(webKey.String())); counted < p.total-51 || counted > p.total {
			t.Errorf("counted %.0f of %.0f", counted, p.total)
		}
	}
}

// The demand of a trigger with held requests is known, and the trigger active, even if the counts of its proxies are unknown.
func TestHeldIsKnown(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(concurrency("instant"), gateways()))
	r.unknown("no gateway")
	r.Hold(webKey, demand.Holding{Held: 3, Arrived: 3})
	reading := r.read()
	if reading.Held != 3 || reading.InFlight != 3 || reading.Concurrency != 3 || !reading.Active || reading.LastArrival.IsZero() {
		t.Errorf("%+v", reading)
	}
	r.Hold(webKey, demand.Holding{Arrived: 3})
	r.unknown("no gateway")
}

// A proxy is remembered for ten minutes, and then all of it is forgotten.
func TestForgotten(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger())
	p := w.proxy("p", r, 0, 100*time.Millisecond)
	p.rate = constant(10)
	w.run(time.Minute)
	p.at = nil
	r.Gone(p.key)
	w.run(9 * time.Minute)
	r.Tidy()
	p.at = r
	w.run(2 * time.Second)
	if counted := float64(r.Counted(webKey.String())); counted < p.total-11 {
		t.Errorf("counted %.0f of %.0f", counted, p.total)
	}
	p.at = nil
	r.Gone(p.key)
	r.catalog.Set(webKey, nil)
	w.run(11 * time.Minute)
	r.Tidy()
	if r.Proxies() != 0 || r.Entries() != 0 {
		t.Errorf("%d proxies and %d keys are left", r.Proxies(), r.Entries())
	}
	r.catalog.Set(webKey, trigger())
	p.at, p.rate = r, constant(0)
	w.run(8 * time.Second)
	if reading := r.read(); reading.Rate != 0 || r.Counted(webKey.String()) != 0 {
		t.Errorf("what was counted before: %+v", reading)
	}
}
