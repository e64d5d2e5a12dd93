package demand_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand"
)

// X2: a gateway that does not count for a trigger leaves no trace in its demand, whenever its proxies report and
// wherever their counters begin.
func TestX2ForeignGatewayLeavesNoTrace(t *testing.T) {
	for name, before := range map[string]bool{"before the trigger": true, "while it is in force": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r := w.replica("a")
			if !before {
				r.catalog.Set(webKey, trigger())
			}
			w.proxy("own", r, time.Hour, 100*time.Millisecond)
			evil := w.proxy("evil", r, time.Hour, 200*time.Millisecond)
			evil.key.Gateway = types.NamespacedName{Namespace: "evil", Name: "edge"}
			evil.sent, evil.rate, evil.active = 5000, constant(100), inFlight(50)
			w.run(10 * time.Second)
			r.catalog.Set(webKey, trigger())
			w.run(2 * time.Second)
			reading := r.read()
			if reading.Active || !reading.Settled || reading.Requested || !reading.LastArrival.IsZero() ||
				reading.Rate != 0 || reading.InFlight != 0 {
				t.Errorf("%+v", reading)
			}
		})
	}
}

// What the gateway of a trigger counted before the trigger is in force here is an arrival, too.
func TestArrivalsBeforeTheTrigger(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a")
	w.proxy("own", r, 0, 100*time.Millisecond).rate = constant(10)
	w.run(5 * time.Second)
	r.catalog.Set(webKey, trigger())
	if reading := r.read(); !reading.Active || reading.LastArrival.IsZero() {
		t.Errorf("%+v", reading)
	}
}

// X11: numbers that no Envoy can have are clamped, and the next ones count as they are.
func TestX11AbsurdNumbersAreClamped(t *testing.T) {
	for _, absurd := range []float64{2e6, 1e15, 1.5e18, math.MaxUint64 / 2} {
		t.Run(fmt.Sprint(absurd), func(t *testing.T) {
			w := newWorld(t)
			r := w.replica("a", trigger(window(10*time.Second, time.Second)))
			p := w.proxy("p", r, 0, 100*time.Millisecond)
			w.run(5 * time.Second)
			p.sent += absurd
			p.active = inFlight(uint64(absurd))
			w.run(time.Second)
			reading := r.read()
			if reading.Rate <= 0 || reading.Rate > 1e6 || reading.InFlight > 1e7 || reading.Concurrency > 1e7 {
				t.Errorf("%+v", reading)
			}
			p.active = inFlight(0)
			p.rate = constant(10)
			p.sent = 0 // counters begin anew, or 10 is lost in the precision of the number
			w.run(20 * time.Second)
			near(t, "the rate afterwards", r.read().Rate, 10, 0.05)
		})
	}
}

// X10: nodes that one gateway makes up are bounded: those that are gone make room, and no other gateway is affected.
func TestX10NodesAreBounded(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger())
	evil := types.NamespacedName{Namespace: "evil", Name: "edge"}
	report := func(gateway types.NamespacedName, node string) {
		w.clock.Step(time.Millisecond)
		r.Report(demand.Report{Proxy: demand.Proxy{Gateway: gateway, Node: node}, Counts: counts(1, 0, 0)})
	}
	gone := func(node string) { r.Gone(demand.Proxy{Gateway: evil, Node: node}) }
	const more = 300 // than there is room for; each costs a copy of all
	for i := range demand.MaxProxies {
		report(evil, fmt.Sprint("made-up-", i))
		if i < more {
			gone(fmt.Sprint("made-up-", i))
		}
	}
	for i := range 2 * more { // one after the other
		node := fmt.Sprint("more-", i)
		report(evil, node)
		gone(node)
	}
	if n := r.Nodes(evil); n != demand.MaxProxies {
		t.Errorf("%d nodes are remembered", n)
	}
	for i := range 2 * more { // all at once: there is room for the first half
		report(evil, fmt.Sprint("open-", i))
	}
	if n := r.Nodes(evil); n != demand.MaxProxies {
		t.Errorf("%d nodes are remembered", n)
	}
	report(gatewayKey, "own")
	if n := r.Nodes(gatewayKey); n != 1 {
		t.Errorf("%d nodes of another gateway", n)
	}
}
