package demand_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	exchanged "github.com/kedify/inference-gateway/scaler/demand/replica"
)

// T68: two replicas that hear one proxy each read the same, and the sum.
func TestTwoReplicas(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a", trigger()), w.replica("b", trigger())
	one, two := w.proxy("one", a, 0, 100*time.Millisecond), w.proxy("two", b, 0, 600*time.Millisecond)
	one.rate, two.rate = constant(30), constant(70)
	one.active, two.active = inFlight(3), inFlight(4)
	w.run(90 * time.Second)
	w.every = append(w.every, func() {
		for _, r := range w.replicas {
			reading := r.read()
			near(t, "the rate at "+r.name, reading.Rate, 100, 0.01)
			near(t, "the concurrency at "+r.name, reading.Concurrency, 7, 0.01)
			if reading.InFlight != 7 {
				t.Errorf("%d in flight at %s", reading.InFlight, r.name)
			}
		}
	})
	w.run(10 * time.Second)
	w.every = nil
	one.rate, two.rate = constant(0), constant(0)
	one.active, two.active = inFlight(0), inFlight(0)
	w.run(62 * time.Second)
	for _, r := range w.replicas {
		if reading := r.read(); reading.Rate != 0 || reading.InFlight != 0 || reading.Concurrency != 0 {
			t.Errorf("at rest, %s: %+v", r.name, reading)
		}
		if counted, sent := r.Counted(webKey.String()), one.total+two.total; math.Abs(float64(counted)-sent) > 1 {
			t.Errorf("%s counted %d of %.0f", r.name, counted, sent)
		}
	}
}

// What is held is told at once, is read everywhere, and wakes everywhere.
func TestHeldElsewhere(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a", trigger(concurrency("instant"))), w.replica("b", trigger(concurrency("instant")))
	w.proxy("p", a, 0, 100*time.Millisecond)
	w.run(5 * time.Second)
	changed, cancel := a.Wake(webKey)
	defer cancel()
	b.Hold(webKey, demand.Holding{Held: 1, Arrived: 1})
	w.exchange() // no time passes
	if !woken(changed) {
		t.Error("a is not woken by what b holds")
	}
	if reading := a.read(); reading.Held != 1 || !reading.Active || reading.InFlight != 1 || reading.LastArrival.IsZero() {
		t.Errorf("a reads %+v", reading)
	}
	b.Hold(webKey, demand.Holding{Held: 40, Arrived: 40})
	w.exchange()
	if held := a.read().Held; held != 1 {
		t.Errorf("a reads %d held at once: counts are told at intervals", held)
	}
	w.run(300 * time.Millisecond)
	a.Hold(webKey, demand.Holding{Held: 2, Arrived: 2})
	w.exchange()
	for _, r := range w.replicas {
		if held := r.read().Held; held != 42 {
			t.Errorf("%s reads %d held", r.name, held)
		}
	}
	if by := a.Dump(webKey).HeldBy; by[""] != 2 || by["b"] != 40 {
		t.Errorf("held by %v", by)
	}
	a.Hold(webKey, demand.Holding{Arrived: 2})
	b.Hold(webKey, demand.Holding{Arrived: 40})
	w.exchange()
	for _, r := range w.replicas {
		if reading := r.read(); reading.Held != 0 || !reading.Active {
			t.Errorf("%s reads %+v", r.name, reading)
		}
	}
}

// What a replica held that vanished counts for a second, and not longer; what it holds after
// its stream opened again counts at once.
func TestHoldingReplicaVanishes(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a", trigger()), w.replica("b", trigger())
	w.proxy("p", a, 0, 100*time.Millisecond)
	w.run(5 * time.Second)
	b.Hold(webKey, demand.Holding{Held: 9, Arrived: 9})
	w.exchange()
	a.follows[b].Leave()
	delete(a.follows, b)
	a.Lost("b")
	w.run(900 * time.Millisecond)
	if held := a.read().Held; held != 9 {
		t.Errorf("%d held after 0.9 s", held)
	}
	w.run(200 * time.Millisecond)
	if held := a.read().Held; held != 0 {
		t.Errorf("%d held after 1.1 s", held)
	}
	w.connect(a, b)
	w.exchange()
	if held := a.read().Held; held != 9 {
		t.Errorf("%d held after the stream opened again", held)
	}
	a.follows[b].Leave()
	a.Lost("b")
	b.Hold(webKey, demand.Holding{Arrived: 9}) // released without a listener
	w.connect(a, b)
	w.exchange()
	if held := a.read().Held; held != 0 {
		t.Errorf("%d held that were released", held)
	}
}

// A replica dies; its proxies go to the other and are counted on from where they were.
func TestReplicaDies(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a", trigger()), w.replica("b", trigger())
	one, two := w.proxy("one", a, 0, 100*time.Millisecond), w.proxy("two", b, 0, 600*time.Millisecond)
	one.rate, two.rate = constant(50), constant(50)
	one.active, two.active = inFlight(5), inFlight(5)
	w.run(90 * time.Second)
	w.dies(b)
	w.every = append(w.every, func() {
		reading := a.read()
		near(t, "the rate", reading.Rate, 100, 0.02)
		if reading.InFlight != 10 {
			t.Errorf("%d in flight", reading.InFlight)
		}
	})
	w.run(900 * time.Millisecond)
	two.at = a
	w.run(20 * time.Second)
	if counted, sent := float64(a.Counted(webKey.String())), one.total+two.total; counted < sent-101 || counted > sent {
		t.Errorf("counted %.0f of %.0f", counted, sent)
	}
}

// A replica that has just begun reads what the others do from the first envelope on: the rate
// of the whole window, the last arrival, and proxies that come over are counted on.
func TestNewReplica(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("catalog late %t", late), func(t *testing.T) { newReplica(t, late) })
	}
}

func newReplica(t *testing.T, late bool) {
	w := newWorld(t)
	a := w.replica("a", trigger(), trigger(named("idle-0").option))
	one, two := w.proxy("one", a, time.Hour, 100*time.Millisecond), w.proxy("two", a, time.Hour, 600*time.Millisecond)
	one.sent, two.sent = 1e6, 1e6
	one.rate, two.rate = constant(20), func(since time.Duration) float64 { return 2 * since.Seconds() }
	w.run(90 * time.Second)
	b := w.replica("b")
	catalog := func() {
		for _, s := range []*scaler.Scaler{trigger(), trigger(named("idle-0").option)} {
			b.catalog.Set(s.Key, s)
		}
	}
	if !late {
		catalog()
		if _, err := b.Read(webKey); !errors.Is(err, demand.ErrUnknown) {
			t.Errorf("known before anything was heard: %v", err)
		}
	}
	w.exchange()
	if late { // the others speak before the informers of b do
		w.run(3 * time.Second)
		catalog()
	}
	compare := func() {
		t.Helper()
		ours, theirs := b.read(), a.read()
		near(t, "the rate", ours.Rate, theirs.Rate, 0.02)
		if math.Abs(ours.LastArrival.Sub(theirs.LastArrival).Seconds()) > 1 {
			t.Errorf("last arrival %s, not %s", ours.LastArrival, theirs.LastArrival)
		}
		reading, err := b.Read(named("idle-0").key())
		if err != nil || reading.Active || !reading.Settled {
			t.Errorf("an idle trigger: %+v, %v", reading, err)
		}
	}
	compare()
	two.at = b
	a.Gone(two.key)
	w.every = append(w.every, compare)
	w.run(70 * time.Second)
	if b.Counted(webKey.String()) == 0 || b.Counted(webKey.String()) > a.Counted(webKey.String()) {
		t.Errorf("counted %d and %d", a.Counted(webKey.String()), b.Counted(webKey.String()))
	}
}

// A replica that has just begun has reports of a proxy before it hears of the past: that is
// filled up to the first of those reports, and what they counted is counted once.
func TestNewReplicaWithProxies(t *testing.T) {
	w := newWorld(t)
	a := w.replica("a", trigger())
	one, two := w.proxy("one", a, time.Hour, 100*time.Millisecond), w.proxy("two", a, time.Hour, 600*time.Millisecond)
	one.sent, two.sent, two.rate = 1e6, 1e6, constant(80)
	w.run(90 * time.Second)
	b := w.replica("b", trigger())
	heard := b.follows[a]
	b.follows = nil // the connection is not there yet
	two.at = b
	a.Gone(two.key)
	w.run(10 * time.Second)
	two.rate = constant(0)
	w.run(10 * time.Second)
	b.follows = map[*replica]*exchanged.Follower{a: heard}
	w.exchange()
	w.every = append(w.every, func() { near(t, "the rate", b.read().Rate, a.read().Rate, 0.02) })
	w.run(30 * time.Second)
}

// What exceeded the activation target before a replica began keeps the workload active there,
// too.
func TestNewReplicaOfActive(t *testing.T) {
	w := newWorld(t)
	a := w.replica("a", trigger(activation(50), window(10*time.Second, time.Second)))
	p := w.proxy("p", a, 0, 100*time.Millisecond)
	p.rate = constant(80)
	w.run(20 * time.Second)
	p.rate = constant(2)
	w.run(20 * time.Second)
	b := w.replica("b", trigger(activation(50), window(10*time.Second, time.Second)))
	w.exchange()
	for _, r := range w.replicas {
		if reading := r.read(); !reading.Active || reading.Rate > 50 {
			t.Errorf("%s: %+v", r.name, reading)
		}
	}
	w.run(45 * time.Second)
	if b.read().Active || a.read().Active {
		t.Error("active after the activity window")
	}
}

// Both replicas begin again: nothing is known of the past, and it is said that a trigger
// without requests is idle only as far as is known; unless no proxy ever had one.
func TestPastThatNoReplicaKnows(t *testing.T) {
	w := newWorld(t)
	unused := named("unused-0")
	a, b := w.replica("a", trigger(), trigger(unused.option)), w.replica("b", trigger(), trigger(unused.option))
	p := w.proxy("p", a, time.Hour, 100*time.Millisecond)
	p.sent = 1e6
	w.run(6 * time.Second)
	for _, r := range []*replica{a, b} {
		if reading := r.read(); reading.Rate != 0 || reading.Active || reading.Settled {
			t.Errorf("%s: %+v", r.name, reading)
		}
		if reading, err := r.Read(unused.key()); err != nil || reading.Active || !reading.Settled {
			t.Errorf("%s, never used: %+v, %v", r.name, reading, err)
		}
	}
	w.run(30 * time.Second)
	late := w.replica("late", trigger(), trigger(unused.option))
	w.exchange()
	if reading := late.read(); reading.Active || reading.Settled {
		t.Errorf("one that comes later knows no more: %+v", reading)
	}
	w.run(30 * time.Second)
	for _, r := range []*replica{a, b, late} {
		if reading := r.read(); reading.Active || !reading.Settled {
			t.Errorf("%s a minute later: %+v", r.name, reading)
		}
	}
}

// The process of a proxy restarts, with the same name, with and without being noticed by its
// counters, and once with its clock put back.
func TestProxyRestarts(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a", trigger()), w.replica("b", trigger())
	p := w.proxy("p", a, 0, 100*time.Millisecond)
	p.rate = constant(20)
	w.run(30 * time.Second)
	for i, rate := range []float64{20, 2000, 20, 500} {
		p.flush() // what is not told when the process ends is lost
		w.run(300 * time.Millisecond)
		p.total -= p.rate(0) * 0.3
		p.restart()
		p.rate = constant(rate)
		if i == 2 {
			p.skew = -time.Hour
		}
		w.run(10 * time.Second)
	}
	p.rate = constant(0)
	w.run(2 * time.Second)
	for _, r := range []*replica{a, b} {
		if counted := float64(r.Counted(webKey.String())); math.Abs(counted-p.total) > 5 {
			t.Errorf("%s counted %.0f of %.0f", r.name, counted, p.total)
		}
	}
}

// A report that was delayed at the replica that a proxy left changes nothing.
func TestStaleReport(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a", trigger()), w.replica("b", trigger())
	p := w.proxy("p", a, 0, 100*time.Millisecond)
	p.rate = constant(100)
	w.run(30 * time.Second)
	delayed := demand.Report{Proxy: p.key, Uptime: 30 * time.Second, Time: w.clock.Now(), Counts: counts(3000, 0, 0)}
	p.at = b
	w.run(10 * time.Second)
	a.Report(delayed)
	a.Gone(p.key)
	w.run(10 * time.Second)
	for _, r := range []*replica{a, b} {
		near(t, "the rate", r.read().Rate, 100, 0.01)
		if counted := float64(r.Counted(webKey.String())); counted > p.total || counted < p.total-101 {
			t.Errorf("%s counted %.0f of %.0f", r.name, counted, p.total)
		}
	}
}

// Messages about counts are at least 250 ms apart, and only what changed travels.
func TestTelling(t *testing.T) {
	w := newWorld(t)
	other := named("other-0")
	a := w.replica("a", trigger(), trigger(other.option))
	f := a.Follow()
	defer f.Leave()
	first := take(t, f)
	if !first.All {
		t.Error("the first is not all")
	}
	proxy := demand.Proxy{Gateway: gatewayKey, Node: "p"}
	report := func(web, others uint64) {
		w.clock.Step(10 * time.Millisecond)
		all := counts(web, 0, 0)
		all[other.key()] = demand.Counts{Requests: others}
		a.Report(demand.Report{Proxy: proxy, Started: true, Counts: all})
	}
	report(1, 1)
	if woken(f.Wake()) {
		t.Fatal("told at once")
	}
	w.clock.Step(250 * time.Millisecond)
	if delta := take(t, f); len(delta.Proxies) != 1 || len(delta.Proxies[0].Counts) != 2 || delta.Proxies[0].Age != 250 {
		t.Errorf("%+v", delta)
	}
	report(2, 1)
	report(3, 1)
	if woken(f.Wake()) {
		t.Fatal("told before the interval was over")
	}
	w.clock.Step(250 * time.Millisecond)
	if delta := take(t, f); len(delta.Proxies) != 1 || len(delta.Proxies[0].Counts) != 1 || delta.Proxies[0].Counts[0].Requests != 3 {
		t.Errorf("%+v", delta)
	}
	report(3, 1) // nothing changed, but it was heard
	w.clock.Step(250 * time.Millisecond)
	if delta := take(t, f); len(delta.Proxies) != 1 || len(delta.Proxies[0].Counts) != 0 {
		t.Errorf("%+v", delta)
	}
	for _, step := range []struct {
		held   int
		atOnce bool
	}{{1, true}, {2, false}, {1, false}, {0, true}} {
		a.Hold(webKey, demand.Holding{Held: step.held, Arrived: 2})
		if got := woken(f.Wake()); got != step.atOnce {
			t.Errorf("held %d: told at once %t", step.held, got)
		}
		if delta := f.Take(); len(delta.Holding) != 1 || delta.Holding[0].Held != step.held {
			t.Errorf("%+v", delta)
		}
	}
	a.Gone(proxy)
	if delta := take(t, f); len(delta.Proxies) != 1 || delta.Proxies[0].Gone == nil {
		t.Errorf("%+v", delta)
	}
}

// What is told at once is, also when something is due that can wait; and a follower that left is
// told nothing, and leaves no timer behind.
func TestTellingEnds(t *testing.T) {
	w := newWorld(t)
	a := w.replica("a", trigger())
	f := a.Follow()
	take(t, f)
	report := func(requests uint64) {
		w.clock.Step(10 * time.Millisecond)
		a.Report(demand.Report{Proxy: demand.Proxy{Gateway: gatewayKey, Node: "p"}, Started: true, Counts: counts(requests, 0, 0)})
	}
	report(1)
	if woken(f.Wake()) || !w.clock.HasWaiters() {
		t.Fatal("counts are told at once")
	}
	a.Hold(webKey, demand.Holding{Held: 1, Arrived: 1})
	if delta := take(t, f); len(delta.Holding) != 1 || len(delta.Proxies) != 1 || w.clock.HasWaiters() {
		t.Errorf("%+v", delta)
	}
	report(2)
	f.Leave()
	report(3)
	a.Hold(webKey, demand.Holding{Arrived: 1})
	if woken(f.Wake()) || w.clock.HasWaiters() {
		t.Error("told after it left")
	}
}

// All that a replica tells replaces what it told before: proxies that it leaves out are gone.
func TestTellingAll(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a", trigger()), w.replica("b", trigger())
	one, two := w.proxy("one", a, 0, 100*time.Millisecond), w.proxy("two", b, 0, 600*time.Millisecond)
	one.active, two.active = inFlight(1), inFlight(2)
	w.run(5 * time.Second)
	one.at = nil
	b.Merge("a", exchanged.Delta{All: true})
	w.run(1900 * time.Millisecond)
	if got := b.read().InFlight; got != 3 {
		t.Errorf("%d in flight after 1.9 s", got)
	}
	w.run(200 * time.Millisecond)
	if got := b.read().InFlight; got != 2 {
		t.Errorf("%d in flight after 2.1 s", got)
	}
}

func take(t *testing.T, f *exchanged.Follower) exchanged.Delta {
	t.Helper()
	if !woken(f.Wake()) {
		t.Fatal("nothing is due")
	}
	return wired(t, f.Take())
}

// A proxy that had just started when it was last heard counts for a new replica from there on,
// not from its start: the others have counted that, and their past says so.
func TestNewReplicaAfterStart(t *testing.T) {
	w := newWorld(t)
	a := w.replica("a", trigger())
	p := w.proxy("p", a, 0, 100*time.Millisecond)
	p.sent = 20
	w.run(200 * time.Millisecond)
	p.at = nil
	a.Gone(p.key)
	w.run(5 * time.Second)
	b := w.replica("b", trigger())
	w.exchange()
	p.at, p.sent = b, 26
	w.run(2 * time.Second)
	if a.Counted(webKey.String()) != 26 || b.Counted(webKey.String()) != 6 {
		t.Errorf("counted %d and %d", a.Counted(webKey.String()), b.Counted(webKey.String()))
	}
	near(t, "the rate", b.read().Rate, a.read().Rate, 0.05)
}
