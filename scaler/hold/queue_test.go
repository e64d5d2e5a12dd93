package hold_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/translate"
)

func join(all []string) string { return strings.Join(all, " ") }

// line has so many requests of a proxy wait, one after the other.
func (r *rig) line(node string, count int) (all []*request) {
	r.t.Helper()
	before := r.dump().Held
	for i := range count {
		all = append(all, r.ask(node))
		r.holds(before + i + 1)
	}
	return all
}

// gone returns the positions of the requests that were answered.
func gone(all []*request) (positions []int) {
	for i, q := range all {
		if _, ok := q.answered(); ok {
			positions = append(positions, i)
		}
	}
	return positions
}

// Requests go in the order they came, a window at once, two more for each that arrived up to what
// the endpoint takes, and then in steps that grow. No request overtakes another.
func TestPace(t *testing.T) { synctest.Test(t, testPace) }

func testPace(t *testing.T) {
	r := serviceRig(t)
	r.trigger(func(s *scaler.Scaler) { s.Spec.Metric.Target = 3 })
	r.connect("a")
	all := r.line("a", 30)
	r.endpoints(1)
	went := func(count int) {
		t.Helper()
		r.eventually(fmt.Sprintf("%d answers", count), func() bool { return len(gone(all)) == count })
		r.holds(len(all) - count)
		if got := gone(all); got[len(got)-1] != count-1 {
			t.Fatalf("went %v", got)
		}
	}
	went(3)
	late := r.ask("a")
	all = append(all, late)
	r.holds(28)
	all[0].confirm() // the endpoint has what it takes
	r.advance(hold.DefaultPace - time.Millisecond)
	went(3)
	r.advance(time.Millisecond)
	went(9)
	r.endpoints(1, 2) // another one takes its share at once
	went(12)
	r.advance(hold.DefaultPace)
	went(30)
	late.waits()
	r.advance(hold.DefaultPace)
	late.wants("go cold")
	r.ask("a").wants("go")
}

// After a pause the pace begins anew, with one window.
func TestPaceBeginsAnew(t *testing.T) { synctest.Test(t, testPaceBeginsAnew) }

func testPaceBeginsAnew(t *testing.T) {
	r := serviceRig(t)
	r.trigger(func(s *scaler.Scaler) { s.Spec.Metric.Target = 3 })
	r.connect("a")
	for port := range uint32(3) {
		all := r.line("a", 12)
		r.endpoints(1 + port)
		r.holds(9)
		r.advance(hold.DefaultPace)
		r.holds(3)
		r.advance(hold.DefaultPace)
		r.holds(0)
		for _, q := range all {
			q.confirm()
		}
		r.endpoints()
		r.advance(hold.DefaultLinger)
	}
}

// Up to its load an endpoint gets requests as fast as they arrive there.
func TestPaceByConfirmation(t *testing.T) { synctest.Test(t, testPaceByConfirmation) }

func testPaceByConfirmation(t *testing.T) {
	r := serviceRig(t)
	r.connect("a")
	all := r.line("a", 60)
	r.endpoints(1)
	confirmed := map[int]bool{}
	for len(confirmed) < len(all) {
		r.eventually("more answers", func() bool { return len(gone(all)) > len(confirmed) })
		for _, i := range gone(all) {
			if !confirmed[i] {
				confirmed[i] = true
				all[i].confirm()
			}
		}
	}
}

// Of two proxies the one that has the endpoint is served, in order over both when both have it.
func TestOrderOverProxies(t *testing.T) { synctest.Test(t, testOrderOverProxies) }

func testOrderOverProxies(t *testing.T) {
	r := serviceRig(t)
	r.trigger(func(s *scaler.Scaler) { s.Spec.Metric.Target = 2 })
	r.connect("a")
	slow := r.connect("b")
	all := append(r.line("b", 2), append(r.line("a", 3), r.line("b", 2)...)...)
	slow.pause()
	r.endpoints(1)
	r.eventually("the window", func() bool { return slices.Equal(gone(all), []int{2, 3}) })
	slow.resume()
	r.eventually("b is ready", func() bool { return r.knows("b") })
	r.advance(hold.DefaultPace)
	r.eventually("the oldest", func() bool { return slices.Equal(gone(all), []int{0, 1, 2, 3, 4, 5}) })
}

// Requests of two proxies that both have the endpoint are released in order of arrival.
func TestOrderOfArrival(t *testing.T) { synctest.Test(t, testOrderOfArrival) }

func testOrderOfArrival(t *testing.T) {
	r := serviceRig(t)
	r.trigger(func(s *scaler.Scaler) { s.Spec.Metric.Target = 1 })
	r.connect("a")
	slow := r.connect("b")
	var all []*request
	for range 18 {
		all = append(all, append(r.line("a", 1), r.line("b", 1)...)...)
	}
	slow.pause() // so that the first one is the first request of a
	r.endpoints(1)
	r.quiet()
	slow.resume()
	r.quiet()
	for step, want := 1, 1; want <= len(all); step, want = step+1, want+step+1 {
		if got := gone(all); len(got) != want || got[want-1] != want-1 {
			t.Fatalf("step %d released %v, want the first %d", step, got, want)
		}
		r.advance(hold.DefaultPace)
	}
}

// What waits too long is told so; the trigger says how long that is.
func TestTimeout(t *testing.T) { synctest.Test(t, testTimeout) }

func testTimeout(t *testing.T) {
	r := serviceRig(t)
	r.connect("a")
	q := r.ask("a")
	r.holds(1)
	r.advance(hold.DefaultTimeout - time.Millisecond)
	q.waits()
	r.advance(time.Millisecond)
	q.wants("504 after 5")
	r.trigger(func(s *scaler.Scaler) { s.Spec.Hold.Timeout = &metav1.Duration{Duration: time.Second} })
	q = r.ask("a", ":method", "POST", ":path", "/svc/Method", "content-type", "application/grpc+proto")
	r.holds(1)
	r.advance(time.Second)
	q.wants("504 grpc 14 after 5")
	r.holds(0)
	if n := counted(t, r.registry, "answers_total", "answer", "timeout"); n != 2 {
		t.Errorf("%v timeouts", n)
	}
}

// No request is held for longer than its rule lets it take, even if the trigger permits it; a limit that is
// longer, or none, changes nothing.
func TestG5LimitOfTheRule(t *testing.T) { synctest.Test(t, testG5LimitOfTheRule) }

func testG5LimitOfTheRule(t *testing.T) {
	r := serviceRig(t)
	r.connect("a")
	r.trigger(func(s *scaler.Scaler) { s.Spec.Hold.Timeout = &metav1.Duration{Duration: time.Minute} })
	for _, c := range []struct {
		limit string
		held  time.Duration
	}{
		{"2000", 2 * time.Second}, {"1", time.Millisecond}, {"60000", time.Minute}, {"3600000", time.Minute},
		{"", time.Minute}, {"0", time.Minute}, {"-5", time.Minute}, {"2s", time.Minute}, {"9223372036854775807", time.Minute},
	} {
		q := r.askWith("a", translate.HoldLimit, c.limit)
		r.holds(1)
		r.advance(c.held - time.Millisecond)
		if c.held > time.Millisecond {
			q.waits()
		}
		r.advance(time.Millisecond)
		q.wants("504 after 5")
	}
}

// A client that goes is forgotten at once, and does not take what another one could have.
func TestClientGone(t *testing.T) { synctest.Test(t, testClientGone) }

func testClientGone(t *testing.T) {
	r := serviceRig(t)
	r.trigger(func(s *scaler.Scaler) { s.Spec.Metric.Target = 1 })
	r.connect("a")
	all := r.line("a", 3)
	all[0].confirm()
	r.holds(2)
	r.endpoints(1)
	all[1].wants("go cold")
	all[2].waits()
	if n := counted(t, r.registry, "held_requests"); n != 1 {
		t.Errorf("%v held requests", n)
	}
}

// Too many requests of a trigger, or of all, are turned away.
func TestLimits(t *testing.T) { synctest.Test(t, testLimits) }

func testLimits(t *testing.T) {
	r := newRig(t, service(), func(o *hold.Options) { o.Limits.MaxPending, o.Limits.MaxTotal = 2, 3 })
	r.world()
	r.gate.Ready(ir.Key(gatewayKey))
	r.connect("a")
	held := r.line("a", 2)
	r.ask("a").wants("503 after 5")
	r.ask("a", ":method", "POST", "content-type", "application/grpc").wants("503 grpc 14 after 5")
	most := int32(10)
	r.trigger(func(s *scaler.Scaler) { s.Spec.Hold.MaxPending = &most })
	held = append(held, r.line("a", 1)...)
	r.ask("a").wants("503 after 5")
	held[0].confirm()
	r.holds(2)
	r.line("a", 1)
	for limit, want := range map[string]float64{"max_pending": 2, "max_total": 1} {
		if n := counted(t, r.registry, "answers_total", "answer", limit); n != want {
			t.Errorf("%s met %v times, want %v", limit, n, want)
		}
	}
}

// Counting hears of everything that waits, in order.
func TestHeldIsTold(t *testing.T) { synctest.Test(t, testHeldIsTold) }

func testHeldIsTold(t *testing.T) {
	r := serviceRig(t)
	r.connect("a")
	all := r.line("a", 3)
	all[1].confirm()
	r.holds(2)
	r.eventually("two to be told", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.told) == 4 })
	r.endpoints(1)
	all[0].wants("go cold")
	all[2].wants("go cold")
	want := "1 1, 2 2, 3 3, 2 3, 1 3, 0 3"
	r.eventually(want, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return strings.Join(r.told, ", ") == want })
}

// A replica that stops sends all requests to another one.
func TestStop(t *testing.T) { synctest.Test(t, testStop) }

func testStop(t *testing.T) {
	r := serviceRig(t)
	r.connect("a")
	all := r.line("a", 3)
	r.activator.Stop()
	for _, q := range all {
		if got := q.code(); got != "Unavailable" {
			t.Errorf("the call ended with %s", got)
		}
	}
	if got := r.ask("a").code(); got != "Unavailable" {
		t.Errorf("a call after the end ended with %s", got)
	}
	r.holds(0)
}

// The longest waits are measured when Prometheus scrapes: the age of the request that came first, and the largest part of its own
// holdTimeout that one has spent.
func TestLongestWaits(t *testing.T) { synctest.Test(t, testLongestWaits) }

func testLongestWaits(t *testing.T) {
	r := serviceRig(t)
	registry := prometheus.NewRegistry()
	if err := r.gate.Register(registry); err != nil {
		t.Fatal(err)
	}
	wants := func(seconds, ratio float64) {
		t.Helper()
		gathered, err := registry.Gather()
		if err != nil || len(gathered) != 2 {
			t.Fatal(gathered, err)
		}
		got := [2]float64{gathered[1].GetMetric()[0].GetGauge().GetValue(), gathered[0].GetMetric()[0].GetGauge().GetValue()}
		if got[0] < seconds || got[0] > seconds+1 || got[1] < ratio || got[1] > ratio+0.1 {
			t.Errorf("%v seconds and a part of %v, want %v and %v", got[0], got[1], seconds, ratio)
		}
	}
	wants(0, 0)
	r.connect("a")
	r.connect("b")
	r.ask("a")
	r.holds(1)
	r.advance(20 * time.Second)
	r.trigger(func(s *scaler.Scaler) { s.Spec.Hold.Timeout = &metav1.Duration{Duration: 10 * time.Second} })
	r.ask("b")
	r.holds(2)
	r.advance(5 * time.Second)
	wants(25, 0.5)
	r.endpoints(1)
	r.holds(0)
	wants(0, 0)
}
