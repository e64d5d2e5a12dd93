package demand_test

import (
	"math"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand"
)

// share is that of the web trigger.
func (r *replica) share() demand.Share {
	r.t.Helper()
	for _, share := range r.Shares() {
		if share.Scaler.Key == webKey {
			return share
		}
	}
	r.t.Fatalf("replica %s has no share of %s", r.name, webKey)
	return demand.Share{}
}

// The shares of two replicas add up to what was sent, while proxies report to one, to the other, and move between them.
func TestSharesAddUp(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a", trigger()), w.replica("b", trigger())
	one, two := w.proxy("one", a, 0, 100*time.Millisecond), w.proxy("two", b, 0, 600*time.Millisecond)
	one.rate, two.rate = constant(30), constant(70)
	one.active, two.active = inFlight(3), inFlight(4)
	a.Hold(webKey, demand.Holding{Held: 2, Arrived: 2})
	b.Hold(webKey, demand.Holding{Held: 5, Arrived: 5})
	w.run(20 * time.Second)
	if a, b := a.share(), b.share(); a.InFlight != 3 || a.Held != 2 || b.InFlight != 4 || b.Held != 5 || !a.Reported || !b.Reported {
		t.Errorf("%+v and %+v", a, b)
	}
	for range 3 { // there and back, while requests come
		one.at, two.at = two.at, one.at
		a.Gone(one.key)
		b.Gone(two.key)
		w.run(10 * time.Second)
	}
	one.rate, two.rate = constant(0), constant(0)
	one.active, two.active = inFlight(0), inFlight(0)
	w.run(5 * time.Second)
	shares := [...]demand.Share{a.share(), b.share()}
	sent := one.total + two.total
	if sum := float64(shares[0].Requests + shares[1].Requests); math.Abs(sum-sent) > 2 {
		t.Errorf("the shares are %d and %d, %.0f requests were sent", shares[0].Requests, shares[1].Requests, sent)
	}
	for _, share := range shares {
		if share.Requests < 1000 || share.InFlight != 0 || !share.Known || !share.Active {
			t.Errorf("%+v", share)
		}
	}
}

// What no proxy reports is not known, and in no share: it is not zero.
func TestShareOfUnknown(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica("a", trigger()), w.replica("b", trigger())
	if share := a.share(); share.Known || share.Reported || share.Active {
		t.Errorf("before any report: %+v", share)
	}
	p := w.proxy("one", b, 0, 100*time.Millisecond)
	p.rate, p.active = constant(10), inFlight(3)
	w.run(5 * time.Second)
	if share := a.share(); !share.Known || share.Reported || share.Requests != 0 || share.InFlight != 0 {
		t.Errorf("at the replica without the proxy: %+v", share)
	}
	counted := b.share().Requests
	p.at = nil
	b.Gone(p.key)
	w.run(30 * time.Second)
	if share := b.share(); share.Known || share.Reported || share.InFlight != 0 || share.Requests != counted {
		t.Errorf("after the proxy has gone, of %d requests: %+v", counted, share)
	}
}

// A proxy that reports a trigger of another gateway adds nothing to it.
func TestShareOfForeignProxy(t *testing.T) {
	w := newWorld(t)
	a := w.replica("a", trigger())
	w.proxy("one", a, 0, 100*time.Millisecond)
	w.run(2 * time.Second)
	foreign := demand.Proxy{Gateway: types.NamespacedName{Namespace: "thief", Name: "gw"}, Node: "x"}
	for i := range uint64(3) {
		a.Report(demand.Report{Proxy: foreign, Started: true, Time: start.Add(time.Duration(i) * time.Second), Counts: counts(1000*i, 0, 50)})
	}
	if share := a.share(); share.Requests != 0 || share.InFlight != 0 {
		t.Errorf("%+v", share)
	}
}

// The share of a trigger goes with it.
func TestShareGoesWithTrigger(t *testing.T) {
	w := newWorld(t)
	a := w.replica("a", trigger(), trigger(named("other-0").option))
	w.proxy("one", a, 0, 100*time.Millisecond).rate = constant(10)
	w.run(2 * time.Second)
	a.catalog.Set(webKey, nil)
	if shares := a.Shares(); len(shares) != 1 || shares[0].Scaler.Key.Name != "other-0" {
		t.Errorf("%+v", shares)
	}
}
