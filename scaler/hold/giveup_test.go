package hold_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/envoytest"
)

// What becomes of requests whose backend is taken away: the trigger leads to another Service, or is gone, or the
// Service is. They are answered at once, and so are those about which a proxy asks that is behind.
func TestS5BackendTakenAway(t *testing.T) { synctest.Test(t, testS5BackendTakenAway) }

func testS5BackendTakenAway(t *testing.T) {
	for name, taken := range map[string]func(*rig) []resource.Key{
		"route and trigger": func(r *rig) []resource.Key { return []resource.Key{r.holdAssignment().Key, r.assignment().Key} },
		"trigger alone":     func(r *rig) []resource.Key { return []resource.Key{r.holdAssignment().Key} },
		"Service, then the route": func(r *rig) []resource.Key {
			r.remove(r.assignment().Key)
			return []resource.Key{r.holdAssignment().Key}
		},
	} {
		t.Log(name)
		r := serviceRig(t)
		r.connect("a")
		held := r.ask("a")
		elsewhere := r.ask("b") // its proxy has no stream here
		r.holds(2)
		r.gate.Apply(ir.Key(gatewayKey), resource.Change{Remove: taken(r)})
		held.wants("503 after 5")
		elsewhere.wants("503 after 5")
		r.ask("a").wants("503 after 5")
		if got := (<-held.answers).String(); !strings.Contains(got, "hold_withdrawn") || !strings.Contains(got, "backend withdrawn") {
			t.Errorf("%s: %s", name, got)
		}
		r.apply(r.assignment(), r.holdAssignment()) // it comes back
		again := r.ask("a")
		r.holds(1)
		r.endpoints(1)
		again.wants("go cold")
	}
}

// A backend that was taken away is forgotten after a minute, as one that was never known.
func TestS5WithdrawnIsForgotten(t *testing.T) { synctest.Test(t, testS5WithdrawnIsForgotten) }

func testS5WithdrawnIsForgotten(t *testing.T) {
	r := serviceRig(t)
	r.connect("a")
	r.gate.Apply(ir.Key(gatewayKey), resource.Change{Remove: []resource.Key{r.holdAssignment().Key, r.assignment().Key}})
	r.ask("a").wants("503 after 5")
	r.advance(time.Minute)
	r.eventually("it is forgotten", func() bool { return len(r.gate.Dump(gatewayKey).Backends) == 0 })
}

// In Envoy: a request that is held when its trigger leads to another Service is told to come again, and does.
func TestS5TriggerLeadsElsewhere(t *testing.T) {
	envoytest.Binary(t)
	p := newPlane(t, hold.Options{})
	s := newSite(t, service())
	s.start(p)
	c := newClient(t, s.port)
	const count = 20
	answers := make(chan answer, count)
	for i := range count {
		go func() { answers <- c.post(fmt.Sprint(i), "hello") }()
	}
	gomega.NewWithT(t).Eventually(func() int { return p.backend().Held }).Should(gomega.Equal(count))
	other := service()
	other.Name = "other"
	moved := &site{t: t, port: s.port, backend: other, demand: s.demand}
	change := resource.Change{Upsert: append(moved.world(), moved.endpoints(newPod(t, &sync.Map{})))}
	for _, gone := range append(s.world()[3:], s.endpoints()) { // clusters and endpoints
		change.Remove = append(change.Remove, gone.Key)
	}
	begun := time.Now()
	p.gate.Apply(ir.Key(gatewayKey), change)
	for range count {
		got := <-answers
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "5" ||
			got.header.Get("X-Keda-Http-Reason") != "backend withdrawn" {
			t.Fatalf("%s, %s", got, got.header)
		}
	}
	took := time.Since(begun)
	t.Logf("%d answered after %s", count, took.Round(time.Millisecond))
	if took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	gomega.NewWithT(t).Eventually(func() int { return c.post("again", "hello").status }).Should(gomega.Equal(http.StatusOK))
}

// While a target is at zero and KEDA must not scale it, nothing answers a request: it is told so at once.
func TestS8PausedAtZero(t *testing.T) { synctest.Test(t, testS8PausedAtZero) }

func testS8PausedAtZero(t *testing.T) {
	var atZero atomic.Bool
	r := newRig(t, service(), func(o *hold.Options) { o.AtZero = func(*scaler.Scaler) bool { return atZero.Load() } })
	r.world()
	r.gate.Ready(ir.Key(gatewayKey))
	r.connect("a")
	pause := func(paused bool) {
		r.trigger(func(s *scaler.Scaler) {
			s.Spec.Scale.ScaleOutPaused, s.Spec.Scale.StaysAtZero = paused, paused
			s.WaitingPage = &scaler.Page{Status: 503, Body: "soon"}
		})
	}
	atZero.Store(true)
	pause(true)
	q := r.ask("a")
	q.wants("503 after 5")
	if got := (<-q.answers).String(); !strings.Contains(got, "hold_paused") || !strings.Contains(got, "paused at zero replicas") {
		t.Errorf("%s", got)
	}
	page := r.ask("a", browser...)
	page.wants("503 after 5") // and not that it will be there soon
	call := r.ask("a", ":method", "POST", ":path", "/a/b", "content-type", "application/grpc")
	call.wants("503 grpc 14 after 5")
	if got := string((<-call.answers).GetImmediateResponse().GetBody()); got != "paused at zero replicas" {
		t.Errorf("grpc-message %q", got)
	}

	pause(false)
	held, other := r.ask("a"), r.ask("a")
	r.holds(2)
	pause(true) // those that wait are told, too
	held.wants("503 after 5")
	other.wants("503 after 5")

	atZero.Store(false) // it has replicas that are not ready: they may become so
	starts := r.ask("a")
	r.holds(1)
	r.advance(10 * time.Second)
	starts.waits()
	atZero.Store(true) // KEDA sets paused-replicas, or a user scales it to zero
	r.advance(time.Second)
	starts.wants("503 after 5")

	atZero.Store(false)
	last := r.ask("a")
	r.holds(1)
	r.endpoints(1)
	last.wants("go cold")
	if got := join(r.told); !strings.HasSuffix(got, "0 4") {
		t.Errorf("told %q; four were held", got)
	}
}

// KEDA is paused at three replicas and the target is still at zero, or at no replicas but with a minimum: Pods come, and
// requests wait for them.
func TestS8PausedAboveZero(t *testing.T) { synctest.Test(t, testS8PausedAboveZero) }

func testS8PausedAboveZero(t *testing.T) {
	r := newRig(t, service(), func(o *hold.Options) { o.AtZero = func(*scaler.Scaler) bool { return true } })
	r.world()
	r.gate.Ready(ir.Key(gatewayKey))
	r.connect("a")
	r.trigger(func(s *scaler.Scaler) { s.Spec.Scale.ScaleOutPaused = true })
	held := r.ask("a")
	r.holds(1)
	r.advance(10 * time.Second)
	held.waits()
	r.endpoints(1)
	held.wants("go cold")
}

// The target of the trigger is paused at zero, and its Service has endpoints of another Deployment: they
// answer, also the request of a proxy that does not have them yet.
func TestS8PausedAtZeroWithEndpoints(t *testing.T) { synctest.Test(t, testS8PausedAtZeroWithEndpoints) }

func testS8PausedAtZeroWithEndpoints(t *testing.T) {
	r := newRig(t, service(), func(o *hold.Options) { o.AtZero = func(*scaler.Scaler) bool { return true } })
	r.world()
	r.gate.Ready(ir.Key(gatewayKey))
	a := r.connect("a")
	r.trigger(func(s *scaler.Scaler) { s.Spec.Scale.ScaleOutPaused, s.Spec.Scale.StaysAtZero = true, true })
	a.pause()
	r.endpoints(1)
	first := r.ask("a")
	r.holds(1)
	r.advance(time.Second) // it is looked again whether the target is at zero
	first.waits()
	a.resume()
	first.wants("go cold")
	r.ask("a").wants("go")
	r.endpoints()
	r.quiet()
	r.ask("a").wants("503 after 5")
}
