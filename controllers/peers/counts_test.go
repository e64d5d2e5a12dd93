package peers_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/peers"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
)

var demandKey = types.NamespacedName{Namespace: "default", Name: "web-0"}

// counts has replicas know one trigger that the proxies of the gateway count for.
func counts(replicas ...*replica) {
	for _, r := range replicas {
		s := &scaler.Scaler{Key: demandKey, Gateways: []types.NamespacedName{gatewayKey}}
		s.Spec.Metric = v1alpha1.HTTPScalerMetric{Type: v1alpha1.Concurrency, Target: 1,
			Concurrency: &v1alpha1.ConcurrencyMetric{Aggregation: v1alpha1.AggregationInstant}}
		r.catalog.Set(demandKey, s)
	}
}

// reports has a proxy report to the replica: requests since its start, and those in flight.
func (r *replica) reports(node string, requests, active uint64) {
	r.registry.Report(demand.Report{
		Proxy: demand.Proxy{Gateway: gatewayKey, Node: node}, Started: true, Uptime: time.Second,
		Counts: map[types.NamespacedName]demand.Counts{demandKey: {Requests: requests, Active: active}},
	})
}

func (r *replica) reads(what string, condition func(demand.Reading, error) bool) {
	r.t.Helper()
	r.Eventually(func() bool { return condition(r.registry.Read(demandKey)) }).Should(gomega.BeTrue(), func() string {
		reading, err := r.registry.Read(demandKey)
		return fmt.Sprintf("replica %s: %s: %+v, %v", r.name, what, reading, err)
	})
}

// counted waits until the replica has counted so many requests.
func (r *replica) counted(requests uint64) {
	r.t.Helper()
	r.reads("requests", func(demand.Reading, error) bool { return r.registry.Dump(demandKey).Requests == requests })
}

// What the proxies of one replica count is read at all, added up, and a proxy that moves is
// counted on from where it was.
func TestCountsTravel(t *testing.T) {
	c := newCluster(t)
	a, b := c.replica("a"), c.replica("b")
	counts(a, b)
	if _, err := a.registry.Read(demandKey); !errors.Is(err, demand.ErrUnknown) {
		t.Errorf("known before any proxy reported: %v", err)
	}
	a.reports("one", 10, 1)
	b.reports("two", 20, 2)
	for _, r := range []*replica{a, b} {
		r.reads("the sum", func(reading demand.Reading, err error) bool { return err == nil && reading.InFlight == 3 })
		r.counted(30)
	}
	b.registry.Gone(demand.Proxy{Gateway: gatewayKey, Node: "two"})
	a.reports("two", 25, 4)
	for _, r := range []*replica{a, b} {
		r.reads("the sum after the move", func(reading demand.Reading, err error) bool { return err == nil && reading.InFlight == 5 })
		r.counted(35)
	}
	late := c.replica("late")
	counts(late)
	late.reads("what was there before", func(reading demand.Reading, err error) bool {
		return err == nil && reading.InFlight == 5 && reading.Active && !reading.LastArrival.IsZero()
	})
}

// A request that one replica holds wakes the callers that wait at another, without waiting for an interval, and
// is gone with that replica.
func TestHoldsTravel(t *testing.T) {
	c := newCluster(t)
	a, b := c.replica("a"), c.replica("b")
	counts(a, b)
	a.reports("one", 0, 0)
	b.reads("a proxy of a", func(_ demand.Reading, err error) bool { return err == nil })
	changed, cancel := b.registry.Wake(demandKey)
	defer cancel()
	var longest time.Duration
	for range 20 {
		began := time.Now()
		a.registry.Hold(demandKey, demand.Holding{Held: 1, Arrived: 1})
		select {
		case <-changed:
		case <-time.After(10 * time.Second):
			t.Fatal("not woken")
		}
		longest = max(longest, time.Since(began))
		if reading, err := b.registry.Read(demandKey); err != nil || reading.Held != 1 || !reading.Active {
			t.Fatalf("%+v, %v", reading, err)
		}
		a.registry.Hold(demandKey, demand.Holding{Held: 0, Arrived: 1})
		b.reads("the end", func(reading demand.Reading, err error) bool { return err == nil && reading.Held == 0 })
	}
	t.Logf("woken after at most %s", longest)
	a.registry.Hold(demandKey, demand.Holding{Held: 5, Arrived: 6})
	b.reads("5 held", func(reading demand.Reading, err error) bool { return err == nil && reading.Held == 5 })
	a.stop()
	b.reads("none held", func(reading demand.Reading, err error) bool { return err == nil && reading.Held == 0 })
}

// A replica that comes back is followed again, with all that it holds and hears.
func TestCountsAfterReconnect(t *testing.T) {
	c := newCluster(t)
	a, b := c.replica("a"), c.replica("b")
	counts(a, b)
	b.reports("two", 20, 2)
	a.reads("two in flight", func(reading demand.Reading, err error) bool { return err == nil && reading.InFlight == 2 })
	b.stop()
	again := c.replicaAt("b2", b.address)
	counts(again)
	again.registry.Hold(demandKey, demand.Holding{Held: 7, Arrived: 7})
	again.reads("what a knows of the proxy", func(demand.Reading, error) bool { return len(again.registry.Dump(demandKey).Proxies) == 1 })
	again.registry.Report(demand.Report{
		Proxy: demand.Proxy{Gateway: gatewayKey, Node: "two"}, Uptime: time.Hour,
		Counts: map[types.NamespacedName]demand.Counts{demandKey: {Requests: 26, Active: 3}},
	})
	for _, r := range []*replica{a, again} {
		r.reads("held and in flight", func(reading demand.Reading, err error) bool {
			return err == nil && reading.Held == 7 && reading.InFlight == 10
		})
	}
	a.counted(26)
	again.counted(6)
}

// An envelope of a replica that neither counts nor holds is as good as before.
func TestEnvelopeWithoutDemand(t *testing.T) {
	said, err := peers.Open(wrapperspb.Bytes([]byte(`{"v":1,"replica":"old","future":{"x":1}}`)))
	if err != nil || said.Replica != "old" || said.Demand != nil {
		t.Errorf("%+v, %v", said, err)
	}
}
