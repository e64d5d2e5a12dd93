package demand_test

import (
	"reflect"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
)

// What is held before its trigger is known is kept, here and at another replica.
func TestHeldBeforeTrigger(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a"), w.replica("b")
	a.Hold(webKey, demand.Holding{Held: 2, Arrived: 2})
	w.exchange()
	for _, r := range w.replicas {
		r.Tidy()
		r.catalog.Set(webKey, trigger())
		if held := r.read().Held; held != 2 {
			t.Errorf("%s: %d held", r.name, held)
		}
	}
	a.Hold(webKey, demand.Holding{Held: -1, Arrived: 2})
	w.exchange()
	for _, r := range w.replicas {
		if d := r.Dump(webKey); d.Held != 0 || len(d.HeldBy) != 0 {
			t.Errorf("%s: %+v", r.name, d)
		}
		r.catalog.Set(webKey, nil)
		r.Tidy()
	}
	if a.Entries() != 0 || b.Entries() != 0 {
		t.Errorf("%d and %d keys are left", a.Entries(), b.Entries())
	}
}

// Requests that are held for longer than the window of the concurrency were held all the time,
// when the number of them changes, and when others are in flight.
func TestHeldForLong(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(concurrency("")))
	p := w.proxy("p", r, 0, 100*time.Millisecond)
	r.Hold(webKey, demand.Holding{Held: 4, Arrived: 4})
	w.run(time.Minute)
	near(t, "the concurrency", r.read().Concurrency, 4, 0.01)
	r.Hold(webKey, demand.Holding{Held: 5, Arrived: 5})
	near(t, "the concurrency when one more is held", r.read().Concurrency, 4, 0.01)
	w.run(time.Minute)
	p.active = inFlight(1)
	w.run(time.Second)
	near(t, "the concurrency when one is in flight as well", r.read().Concurrency, 5, 0.05)
}

// The end of the last held request keeps a workload active, however long ago it arrived.
func TestEndOfHeld(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger())
	w.proxy("p", r, 0, 100*time.Millisecond)
	r.Hold(webKey, demand.Holding{Held: 1, Arrived: 1})
	w.run(2 * time.Minute)
	r.Hold(webKey, demand.Holding{Arrived: 1})
	w.run(59 * time.Second)
	if !r.read().Active {
		t.Error("idle within the activity window")
	}
	w.run(2 * time.Second)
	if r.read().Active {
		t.Error("active after the activity window")
	}
}

// Tidying changes no number.
func TestTidyChangesNothing(t *testing.T) {
	type side struct {
		*world
		r    *replica
		p, q *proxy
	}
	newSide := func() side {
		w := newWorld(t)
		r := w.replica("a", trigger(concurrency(""), window(10*time.Second, time.Second)))
		return side{w, r, w.proxy("p", r, 0, 100*time.Millisecond), w.proxy("q", r, 0, 400*time.Millisecond)}
	}
	left, right := newSide(), newSide()
	right.every = append(right.every, right.r.Tidy)
	for i, c := range []struct {
		rate   float64
		active uint64
		held   int
		last   time.Duration
	}{{20, 3, 0, 15}, {0, 0, 0, 5}, {0, 0, 0, 20}, {0, 0, 2, 30}, {10, 1, 0, 5}, {0, 0, 1, 5}, {0, 0, 0, 8}, {5, 0, 0, 3},
		{0, 0, 0, 30}, {0, 4, 0, 9}} {
		for _, s := range []side{left, right} {
			s.p.rate, s.p.active, s.q.rate = constant(c.rate), inFlight(c.active), constant(c.rate/2)
			s.r.Hold(webKey, demand.Holding{Held: c.held, Arrived: uint64(i)})
		}
		for range c.last {
			left.run(time.Second)
			right.run(time.Second)
			if a, b := left.r.read(), right.r.read(); !reflect.DeepEqual(a, b) {
				t.Fatalf("%+v after %s: %+v, tidied %+v", c, left.clock.Since(start), a, b)
			}
		}
	}
}

// A held request wakes once, at each replica: what it has in proxies later does not, and one that
// is answered at once does.
func TestWakeByHeld(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a", trigger()), w.replica("b", trigger())
	p := w.proxy("p", a, 0, 100*time.Millisecond)
	w.run(time.Second)
	here, cancel := a.Wake(webKey)
	defer cancel()
	there, cancel := b.Wake(webKey)
	defer cancel()
	a.Hold(webKey, demand.Holding{Held: 1, Arrived: 1})
	w.exchange()
	if !woken(here) || !woken(there) {
		t.Error("not woken by a held request")
	}
	p.rate = constant(5)
	w.run(5 * time.Second)
	if woken(here) || woken(there) {
		t.Error("woken again")
	}
	a.Hold(webKey, demand.Holding{Arrived: 1})
	p.rate = constant(0)
	w.run(3 * time.Minute)
	if a.read().Active || b.read().Active {
		t.Error("still active")
	}
	a.Hold(webKey, demand.Holding{Arrived: 2})
	w.run(time.Second)
	if !woken(here) || !woken(there) {
		t.Error("not woken by a request that was answered at once")
	}
}

// A request that is released did not arrive then.
func TestReleaseIsNoArrival(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger())
	w.proxy("p", r, 0, 100*time.Millisecond)
	r.Hold(webKey, demand.Holding{Held: 3, Arrived: 3})
	at, _ := r.LastArrival(webKey)
	w.run(5 * time.Second)
	r.Hold(webKey, demand.Holding{Held: 1, Arrived: 3})
	if now, _ := r.LastArrival(webKey); now != at {
		t.Errorf("arrived %s later", now.Sub(at))
	}
}

// The proxies of a replica that is lost are gone, and those of no other.
func TestProxiesOfLostReplica(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.replica("a", trigger()), w.replica("b", trigger()), w.replica("c", trigger())
	for i, r := range []*replica{a, b, c} {
		p := w.proxy(r.name, r, 0, time.Duration(100+300*i)*time.Millisecond)
		p.active = inFlight(uint64(1) << i)
	}
	w.run(10 * time.Second)
	w.dies(b)
	w.run(1900 * time.Millisecond)
	if got := a.read().InFlight; got != 7 {
		t.Errorf("%d in flight after 1.9 s", got)
	}
	w.run(200 * time.Millisecond)
	for _, r := range w.replicas {
		if got := r.read().InFlight; got != 5 {
			t.Errorf("%s: %d in flight after 2.1 s", r.name, got)
		}
	}
}

// A replica tells of the proxies that report to it; of others only when they are gone, and to a
// replica that knows nothing.
func TestTellingOfOthers(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a", trigger()), w.replica("b", trigger())
	w.proxy("one", a, 0, 100*time.Millisecond)
	two := w.proxy("two", b, 0, 600*time.Millisecond)
	old := a.Follow()
	defer old.Leave()
	nodes := func(of *replica) (all []string) {
		f := of.Follow()
		defer f.Leave()
		for _, p := range f.Take().Proxies {
			all = append(all, p.Node)
		}
		return all
	}
	w.run(5 * time.Second)
	if got := nodes(a); len(got) != 1 || got[0] != "one" {
		t.Errorf("told of %v", got)
	}
	two.at = nil
	b.Gone(two.key)
	w.run(time.Second)
	if got := nodes(a); len(got) != 2 {
		t.Errorf("told of %v when one is gone", got)
	}
	old.Take()
	w.run(time.Second)
	if d := old.Take(); len(d.Proxies) != 1 || d.Proxies[0].Node != "one" {
		t.Errorf("told again of %+v", d.Proxies)
	}
}

// Only keys with requests are looked at in each report.
func TestBusy(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger())
	p := w.proxy("p", r, 0, 100*time.Millisecond)
	p.rate, p.active = constant(10), inFlight(2)
	for _, c := range []struct {
		rate   float64
		active uint64
		want   int
	}{{10, 2, 1}, {10, 0, 1}, {0, 2, 1}, {0, 0, 0}, {10, 0, 1}} {
		p.rate, p.active = constant(c.rate), inFlight(c.active)
		w.run(5 * time.Second)
		if got := r.Busy(p.key); got != c.want {
			t.Errorf("%v requests/s, %d in flight: %d keys", c.rate, c.active, got)
		}
	}
}

// A trigger that user-run Envoys count for is counted by those, and by no gateway.
func TestExternalTrigger(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(func(s *scaler.Scaler) { s.Spec.Metric.ExternalProxyMetricKey = "web" }))
	ours, theirs := w.proxy("ours", r, 0, 100*time.Millisecond), w.proxy("theirs", r, 0, 200*time.Millisecond)
	theirs.key.Gateway = demand.External(webKey)
	ours.rate, theirs.rate = constant(100), constant(10)
	w.run(5 * time.Second)
	near(t, "the rate", r.read().Rate, 10, 0.01)
	theirs.at = nil
	w.run(20 * time.Second)
	r.unknown("gateway /shop/web-0: its proxies are silent")
}

// A gateway that a trigger is not served by any more does not count any more.
func TestGatewayLeaves(t *testing.T) {
	w := newWorld(t)
	other := types.NamespacedName{Namespace: "infra", Name: "main"}
	r := w.replica("a", trigger(gateways(gatewayKey, other)))
	one, two := w.proxy("one", r, 0, 100*time.Millisecond), w.proxy("two", r, 0, 200*time.Millisecond)
	two.key.Gateway = other
	one.rate, two.rate, two.active = constant(10), constant(50), inFlight(4)
	w.run(70 * time.Second)
	near(t, "the rate of both", r.read().Rate, 60, 0.01)
	r.catalog.Set(webKey, trigger())
	if reading := r.read(); reading.InFlight != 0 {
		t.Errorf("%+v", reading)
	}
	near(t, "the rate of one", r.read().Rate, 10, 0.01)
}

// The last good numbers stay what they were, after any load.
func TestLastGoodStays(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger(concurrency(""), window(20*time.Second, time.Second)))
	p := w.proxy("p", r, 0, 100*time.Millisecond)
	p.rate, p.active = constant(50), inFlight(6)
	w.run(30 * time.Second)
	p.rate, p.active = constant(0), inFlight(0)
	w.run(5 * time.Second)
	p.at = nil
	r.Gone(p.key)
	w.run(50 * time.Millisecond)
	first := r.read()
	w.run(13 * time.Second)
	last := r.read()
	if !last.LastGood || first.Rate < 30 || first.Concurrency < 2 {
		t.Errorf("%+v", first)
	}
	near(t, "the rate", last.Rate, first.Rate, 1e-6)
	near(t, "the concurrency", last.Concurrency, first.Concurrency, 0.01)
}

// A key that no request was counted for before the registry began is idle for certain.
func TestBaselineOfNothing(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger())
	for i := range 6 {
		w.clock.Step(time.Second)
		r.Report(demand.Report{
			Proxy: demand.Proxy{Gateway: gatewayKey, Node: "p"}, Uptime: time.Hour + time.Duration(i)*time.Second,
			Counts: map[types.NamespacedName]demand.Counts{webKey: {}},
		})
	}
	if reading := r.read(); !reading.Settled || reading.Requested || reading.Active {
		t.Errorf("%+v", reading)
	}
}
