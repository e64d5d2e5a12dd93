package hold_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/xds/ir"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/server/envoytest"
)

const coldStart = "X-Keda-Http-Cold-Start"

// A request to nothing waits until there is a pod; then it is told that it waited, and others
// that they did not.
func TestEnvoyHolds(t *testing.T) {
	envoytest.Binary(t)
	p := newPlane(t, hold.Options{})
	s := newSite(t, service())
	s.start(p)
	c := newClient(t, s.port)
	answers := make(chan answer, 1)
	go func() { answers <- c.post("1", "hello") }()
	<-p.held
	seen := &sync.Map{}
	pod := newPod(t, seen)
	at := time.Now()
	p.apply(s.endpoints(pod))
	got := <-answers
	t.Logf("released after %s: %s", time.Since(at), got)
	if got.status != http.StatusOK || got.header.Get(coldStart) != "true" {
		t.Errorf("%s, %s", got, got.header)
	}
	if got := c.post("2", "hello"); got.status != http.StatusOK || got.header.Get(coldStart) != "false" {
		t.Errorf("%s, %s", got, got.header)
	}
	gomega.NewWithT(t).Eventually(func() bool { return p.backend().Unconfirmed == 0 }).Should(gomega.BeTrue(), "no unconfirmed answer")
	for range 30 {
		c.post("3", "hello")
	}
	gomega.NewWithT(t).Eventually(func() bool { return !p.backend().Armed }).Should(gomega.BeTrue(), "the backend to be disarmed")
	gomega.NewWithT(t).Eventually(func() bool {
		got := c.do(context.Background(), http.MethodGet, "/", "", "x-id", "4")
		return got.status == http.StatusOK && got.header.Get(coldStart) == ""
	}).Should(gomega.BeTrue(), "Envoy to ask no more")
	t.Logf("%+v", p.backend())
}

// What the whole hand-over stands on, and no API promises: Envoy ends the call as soon as it has
// read the answer, also while the backend still works on the request, and with nothing but the
// headers of the request having been sent.
func TestEnvoyConfirms(t *testing.T) {
	envoytest.Binary(t)
	p := newPlane(t, hold.Options{Timing: hold.Timing{DisarmAnswers: 1 << 30, DisarmAfter: time.Hour}})
	s := newSite(t, service())
	pod := newPod(t, &sync.Map{})
	s.start(p, pod)
	c := newClient(t, s.port)
	const work = 500 * time.Millisecond
	pod.work.Store(int64(work))
	large := strings.Repeat("x", 3<<20)
	for _, test := range []struct {
		name, method, body string
	}{{"GET", "GET", ""}, {"small POST", "POST", "hello"}, {"large POST", "POST", large}} {
		t.Run(test.name, func(t *testing.T) {
			answers := make(chan answer, 1)
			begun := time.Now()
			asked := p.counted("answers_total", "answer", "go")
			go func() { answers <- c.do(context.Background(), test.method, "/", test.body, "x-id", test.name) }()
			gomega.NewWithT(t).Eventually(func() bool { return p.counted("answers_total", "answer", "go") > asked }).Should(gomega.BeTrue(),
				"the answer")
			gomega.NewWithT(t).Eventually(func() bool { return p.backend().Unconfirmed == 0 }).Should(gomega.BeTrue(), "its confirmation")
			confirmed := time.Since(begun)
			got := <-answers
			t.Logf("confirmed %s after the request began, answered after %s", confirmed.Round(10*time.Microsecond), got.took.Round(time.Millisecond))
			if got.status != http.StatusOK || got.took < work {
				t.Errorf("%s", got)
			}
			if confirmed >= work {
				t.Errorf("confirmed after %s, when the backend was done", confirmed)
			}
		})
	}
}

// A client that gives up is forgotten, and a body that is being sent with it.
func TestEnvoyClientGone(t *testing.T) {
	envoytest.Binary(t)
	p := newPlane(t, hold.Options{})
	s := newSite(t, service())
	s.start(p)
	c := newClient(t, s.port)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for i := range 50 {
		running.Go(func() {
			c.do(ctx, http.MethodPost, "/", strings.Repeat("x", 64<<10), "x-id", fmt.Sprint(i))
		})
	}
	gomega.NewWithT(t).Eventually(func() bool { return p.backend().Held == 50 }).Should(gomega.BeTrue(), "50 held requests")
	begun := time.Now()
	cancel()
	gomega.NewWithT(t).Eventually(func() bool { return p.backend().Held == 0 && p.heldNow.Load() == 0 }).Should(gomega.BeTrue(), "none held")
	t.Logf("50 clients gone after %s", time.Since(begun).Round(time.Millisecond))
	if took := time.Since(begun); took > time.Second {
		t.Errorf("it took %s", took)
	}
	running.Wait()
}

// What the proxy answers itself: pages, refusals, health checks.
func TestEnvoyReplies(t *testing.T) {
	envoytest.Binary(t)
	p := newPlane(t, hold.Options{Limits: hold.Limits{Timeout: 300 * time.Millisecond, RetryAfter: 7 * time.Second}})
	s := newSite(t, service())
	s.start(p)
	c := newClient(t, s.port)
	trigger := &scaler.Scaler{Key: s.demand, Gateways: []types.NamespacedName{gatewayKey},
		WaitingPage: &scaler.Page{Status: 503, Body: "<h1>soon</h1>", RetryAfter: 10}}
	trigger.Spec.HealthCheck = v1alpha1.HTTPScalerHealthCheck{Path: "/alive"}
	p.catalog.Set(s.demand, trigger)
	ctx := context.Background()
	for _, test := range []struct {
		name   string
		path   string
		ask    []string
		status int
		body   string
		header map[string]string
	}{
		{"waiting page", "/", []string{"Accept", "text/html", "Sec-Fetch-Mode", "navigate"}, 503, "<h1>soon</h1>",
			map[string]string{"Retry-After": "10", "Content-Type": "text/html; charset=utf-8", coldStart: "false"}},
		{"timeout", "/", nil, 504, "no endpoint became ready in time\n",
			map[string]string{"Retry-After": "7", coldStart: "true", "Content-Type": "text/plain; charset=utf-8"}},
		{"gRPC timeout", "/a/b", []string{"Content-Type", "application/grpc"}, 200, "",
			map[string]string{"Grpc-Status": "14", "Grpc-Message": "Gateway Timeout", "Retry-After": "7", "Content-Type": "application/grpc"}},
		{"health check", "/alive?x", nil, 200, "ok\n", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := c.do(ctx, http.MethodGet, test.path, "", test.ask...)
			if got.status != test.status || got.body != test.body {
				t.Errorf("%s", got)
			}
			for name, want := range test.header {
				if values := got.header.Values(name); len(values) != 1 || values[0] != want {
					t.Errorf("%s is %q, want %q", name, values, want)
				}
			}
		})
	}
}

// Of two proxies each is served when it has the endpoint itself.
func TestEnvoyLateProxy(t *testing.T) {
	envoytest.Binary(t)
	p := newPlane(t, hold.Options{})
	s := newSite(t, service())
	s.start(p)
	way := newForwarder(t, p.address)
	s.envoy("shop/envoy-2", way.address, p)
	seen := &sync.Map{}
	heldBy := func() (prompt, late int) { // both listen on the same port; the kernel chooses
		held := map[string]int{}
		for _, proxy := range p.backend().Proxies {
			held[proxy.Node] = proxy.Held
		}
		return held["shop/envoy-1"], held["shop/envoy-2"]
	}
	for round := range 5 {
		p.apply(s.endpoints())
		gomega.NewWithT(t).Eventually(func() bool { return p.publisher.Delivery(ir.Key(gatewayKey)).Synced }).Should(gomega.BeTrue(),
			"both proxies to ask")
		const count = 24
		answers := make(chan answer, count)
		for i := range count {
			c := newClient(t, s.port)
			go func() { answers <- c.post(fmt.Sprintf("%d/%d", round, i), "hello") }()
		}
		gomega.NewWithT(t).Eventually(func() bool { return p.backend().Held == count }).Should(gomega.BeTrue(), "all to wait")
		prompt, late := heldBy()
		if prompt == 0 || late == 0 {
			t.Fatalf("the proxies hold %d and %d", prompt, late)
		}
		way.pause()
		p.apply(s.endpoints(newPod(t, seen)))
		expect := func(n int) {
			t.Helper()
			for range n {
				if got := <-answers; got.status != http.StatusOK {
					t.Fatalf("%s", got)
				}
			}
		}
		expect(prompt)
		select {
		case got := <-answers:
			t.Fatalf("answered before its proxy knew: %s", got)
		case <-time.After(50 * time.Millisecond):
		}
		if _, still := heldBy(); still != late {
			t.Fatalf("%d of %d still wait", still, late)
		}
		way.resume()
		expect(late)
	}
}

// A replica that dies loses no request that it held: the proxy asks the other one, and is served
// when that knows what the proxy has.
func TestEnvoyReplicaDies(t *testing.T) {
	envoytest.Binary(t)
	for name, end := range map[string]func(*plane){
		"killed":  func(p *plane) { p.kill() },
		"stopped": func(p *plane) { p.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			one, two := pair(t)
			s := newSite(t, service())
			way := s.startPair(one, two)
			const count = 200
			c := newClient(t, s.port)
			seen := &sync.Map{}
			var failed atomic.Int64
			var running sync.WaitGroup
			for i := range count {
				running.Go(func() {
					if got := c.post(fmt.Sprint(i), strings.Repeat("x", 1024)); got.status != http.StatusOK {
						failed.Add(1)
						t.Log(got)
					}
				})
			}
			gomega.NewWithT(t).Eventually(func() bool { return one.backend().Held == count }).Should(gomega.BeTrue(), "all to wait")
			begun := time.Now()
			way.pause() // the stream for configuration comes back later
			var ending sync.WaitGroup
			ending.Go(func() { end(one) })
			defer ending.Wait()
			way.move(two.address)
			gomega.NewWithT(t).Eventually(func() bool { return two.backend().Held == count }).Should(gomega.BeTrue(),
				"all to wait at the other replica")
			moved := time.Since(begun)
			two.apply(s.endpoints(newPod(t, seen)))
			way.resume()
			gomega.NewWithT(t).Eventually(func() bool { return two.publisher.Delivery(ir.Key(gatewayKey)).Connected == 1 }).Should(gomega.BeTrue(),
				"the proxy to come back")
			running.Wait()
			t.Logf("all waited again %s after the end, answered after %s", moved.Round(time.Millisecond), time.Since(begun).Round(time.Millisecond))
			duplicates := 0
			seen.Range(func(_, n any) bool {
				if n.(*atomic.Int64).Load() > 1 {
					duplicates++
				}
				return true
			})
			if failed.Load() > 0 || duplicates > 0 {
				t.Errorf("%d of %d failed, %d came twice", failed.Load(), count, duplicates)
			}
		})
	}
}

// pair is two replicas that know each other.
func pair(t *testing.T) (one, two *plane) {
	one, two = newPlane(t, hold.Options{}), newPlane(t, hold.Options{})
	one.gate.SetAddresses(hold.Addresses{Own: one.address, Others: []string{two.address}})
	two.gate.SetAddresses(hold.Addresses{Own: two.address, Others: []string{one.address}})
	return one, two
}

// startPair applies the site without pods to both replicas and connects an Envoy to the first.
func (s *site) startPair(one, two *plane) *forwarder {
	s.t.Helper()
	world := append(s.world(), s.endpoints())
	for _, p := range []*plane{one, two} {
		p.apply(world...)
		p.gate.Ready(ir.Key(gatewayKey))
	}
	way := newForwarder(s.t, one.address)
	s.envoy("shop/envoy-1", way.address, one)
	return way
}

// A proxy whose stream moves to another replica takes its requests along: the first one sends
// them away, because it will not hear any more what the proxy has.
func TestEnvoyMoves(t *testing.T) {
	envoytest.Binary(t)
	one, two := pair(t)
	s := newSite(t, service())
	way := s.startPair(one, two)
	const count = 20
	c := newClient(t, s.port)
	answers := make(chan answer, count)
	for i := range count {
		go func() { answers <- c.post(fmt.Sprint(i), "hello") }()
	}
	gomega.NewWithT(t).Eventually(func() bool { return one.backend().Held == count }).Should(gomega.BeTrue(), "all to wait")
	begun := time.Now()
	way.move(two.address)
	gomega.NewWithT(t).Eventually(func() bool { return two.backend().Held == count && one.backend().Held == 0 }).Should(gomega.BeTrue(),
		"all to wait at the other replica")
	t.Logf("all waited again after %s", time.Since(begun).Round(time.Millisecond))
	pod := newPod(t, &sync.Map{})
	for _, p := range []*plane{one, two} {
		p.apply(s.endpoints(pod))
	}
	for range count {
		if got := <-answers; got.status != http.StatusOK {
			t.Errorf("%s", got)
		}
	}
}
