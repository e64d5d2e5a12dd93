package hold_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/server/envoytest"
)

// The only replica ends while the hold of a quiet application is armed, and so does its Pod: a
// request waits for some seconds and finds the Pod that replaced it by the ClusterIP. At zero, a Pod
// that no control plane has let requests to is not reached: the hold protects it.
func TestEnvoyAlone(t *testing.T) {
	envoytest.Binary(t)
	const patience = 10 * time.Second // on a busy machine; some 5 s are meant
	t.Run("replaced", func(t *testing.T) {
		t.Parallel()
		p, s := newPlane(t, hold.Options{}), newSite(t, service())
		seen := &sync.Map{}
		old, next := newPod(t, seen), newPod(t, seen)
		s.startBehind(p, next, old)
		c := newClient(t, s.port)
		if got := c.post("before", "hello"); got.status != http.StatusOK {
			t.Fatalf("before: %s", got)
		}
		p.kill()
		_ = old.server.Close()
		answers := make(chan answer, 20)
		for i := range cap(answers) {
			go func() { answers <- c.post(fmt.Sprint(i), "hello") }()
		}
		var sum time.Duration
		for range cap(answers) {
			got := <-answers
			if sum += got.took; got.status != http.StatusOK || got.took > patience {
				t.Errorf("%s", got)
			}
		}
		t.Logf("answered by the next Pod after %s on average", (sum / time.Duration(cap(answers))).Round(time.Millisecond))
	})
	t.Run("at zero", func(t *testing.T) {
		t.Parallel()
		p, s := newPlane(t, hold.Options{}), newSite(t, service())
		seen := &sync.Map{}
		s.startBehind(p, newPod(t, seen))
		p.kill()
		got := newClient(t, s.port).post("1", "hello")
		if _, reached := seen.Load("1"); reached || got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
			t.Errorf("%s, Retry-After %q", got, got.header.Get("Retry-After"))
		}
		t.Logf("answered after %s", got.took.Round(time.Millisecond))
	})
}

// startBehind is start with a ClusterIP that leads to a Pod.
func (s *site) startBehind(p *plane, ready *pod, known ...*pod) {
	s.t.Helper()
	p.apply(append(s.world(), s.behind(ir.Endpoint{Address: "127.0.0.1", Port: ready.port}, known...))...)
	p.gate.Ready(ir.Key(gatewayKey))
	s.envoy("shop/envoy-1", p.address, p)
}

// TestEnvoyReplicasDieInTurn: requests that are held outlive one replica after the other, as in two
// rolling restarts during one cold start: their calls are not made again without end.
func TestEnvoyReplicasDieInTurn(t *testing.T) {
	envoytest.Binary(t)
	const replicas, requests = 4, 50
	var planes []*plane
	for range replicas {
		planes = append(planes, newPlane(t, hold.Options{}))
	}
	s := newSite(t, service())
	for i, p := range planes {
		addresses := hold.Addresses{Own: p.address}
		for j, other := range planes {
			if j > i { // those before it are dead by the time that it is asked
				addresses.Others = append(addresses.Others, other.address)
			}
		}
		p.gate.SetAddresses(addresses)
		p.apply(append(s.world(), s.endpoints())...)
		p.gate.Ready(ir.Key(gatewayKey))
	}
	way := newForwarder(t, planes[0].address)
	s.envoy("shop/envoy-1", way.address, planes[0])
	c, seen := newClient(t, s.port), &sync.Map{}
	answers := make(chan answer, requests)
	for i := range requests {
		go func() { answers <- c.post(fmt.Sprint(i), "hello") }()
	}
	for i, p := range planes {
		gomega.NewWithT(t).Eventually(func() int { return p.backend().Held }).Should(gomega.Equal(requests), "all wait at replica %d", i)
		if i < replicas-1 {
			p.kill()
			way.move(planes[i+1].address)
		}
	}
	last := planes[replicas-1]
	gomega.NewWithT(t).Eventually(func() int { return last.publisher.Delivery(ir.Key(gatewayKey)).Connected }).Should(gomega.Equal(1),
		"the proxy is back")
	last.apply(s.endpoints(newPod(t, seen)))
	for range requests {
		if got := <-answers; got.status != http.StatusOK {
			t.Errorf("%s", got)
		}
	}
}
