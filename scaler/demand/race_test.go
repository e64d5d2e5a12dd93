package demand_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
)

// Everything at once, for the race detector, and for locks that wait for each other.
func TestAllAtOnce(t *testing.T) {
	clock := clocktesting.NewFakeClock(start)
	catalogs := []*scaler.Catalog{scaler.NewCatalog(), scaler.NewCatalog()}
	var registries []*demand.Registry
	for _, catalog := range catalogs {
		registries = append(registries, demand.New(demand.Options{Clock: clock, Catalog: catalog}))
	}
	key := func(i int) types.NamespacedName {
		return types.NamespacedName{Namespace: "shop", Name: fmt.Sprint("k", i)}
	}
	var running sync.WaitGroup
	const rounds, keys = 1000, 8
	do := func(f func(r *rand.Rand, i int)) {
		running.Go(func() {
			r := rand.New(rand.NewPCG(1, 2))
			for i := range rounds {
				f(r, i)
			}
		})
	}
	for n, b := range registries {
		for p := range 3 {
			do(func(r *rand.Rand, i int) {
				node := demand.Proxy{Gateway: gatewayKey, Node: fmt.Sprint(p)} // that both registries hear
				b.Report(demand.Report{Proxy: node, Uptime: time.Duration(i) * time.Second, Counts: map[types.NamespacedName]demand.Counts{
					key(r.IntN(keys)): {Requests: uint64(i), Active: uint64(i % 3)},
				}})
				if i%20 == 0 {
					b.Gone(node)
				}
			})
		}
		do(func(r *rand.Rand, i int) { b.Hold(key(r.IntN(keys)), demand.Holding{Held: i % 4, Arrived: uint64(i)}) })
		do(func(r *rand.Rand, _ int) { _, _ = b.Read(key(r.IntN(keys))) })
		do(func(r *rand.Rand, _ int) { b.Dump(key(r.IntN(keys))); b.LastArrival(key(r.IntN(keys))) })
		do(func(r *rand.Rand, _ int) {
			_, cancel := b.Wake(key(r.IntN(keys)))
			cancel()
		})
		do(func(r *rand.Rand, i int) {
			s := trigger(named(key(r.IntN(keys)).Name).option, window(time.Duration(10+i%50)*time.Second, time.Second))
			if i%5 == 0 {
				catalogs[n].Set(s.Key, nil)
			} else {
				catalogs[n].Set(s.Key, s)
			}
		})
		other := registries[1-n]
		running.Go(func() {
			f := other.Follow()
			defer func() { f.Leave() }()
			for i := range rounds {
				b.Merge("other", f.Take())
				if i%50 == 49 {
					b.Lost("other")
					f.Leave()
					f = other.Follow()
				}
			}
		})
	}
	do(func(*rand.Rand, int) {
		clock.Step(200 * time.Millisecond)
		for _, b := range registries {
			b.Tidy()
		}
	})
	running.Wait()
	for n, b := range registries { // and each still counts
		catalogs[n].Set(webKey, trigger())
		for i := range uint64(3) {
			clock.Step(2 * time.Second) // longer than proxies may take to gather
			b.Report(demand.Report{Proxy: demand.Proxy{Gateway: gatewayKey, Node: "last"}, Started: i == 0, Counts: counts(10*i, 0, i)})
		}
		if reading, err := b.Read(webKey); err != nil || reading.InFlight != 2 || reading.Rate == 0 {
			t.Errorf("%+v, %v", reading, err)
		}
	}
}

// Run tidies until its context ends.
func TestRun(t *testing.T) {
	w := newWorld(t)
	r := w.replica("a", trigger())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	p := w.proxy("p", r, 0, 100*time.Millisecond)
	w.run(2 * time.Second)
	p.at = nil
	r.Gone(p.key)
	gomega.NewWithT(t).Eventually(func() int {
		w.clock.Step(time.Minute)
		return r.Proxies()
	}).WithTimeout(10*time.Second).WithPolling(time.Millisecond).Should(gomega.BeZero(), "proxies that are gone are forgotten")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
