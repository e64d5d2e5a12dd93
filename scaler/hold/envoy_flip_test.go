package hold_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/xds/server/envoytest"
)

// requestsVariable is how many requests a flip test sends, for longer runs.
const requestsVariable = "HOLD_REQUESTS"

func requests(byDefault int) int {
	if n, err := strconv.Atoi(os.Getenv(requestsVariable)); err == nil {
		return n
	}
	return byDefault
}

// autoscaler takes the pod away when it was up for a while, and brings another one when a request
// waits.
type autoscaler struct {
	p    *plane
	s    *site
	seen *sync.Map
	// up is how long a pod lives at least, and half of it more at most; down is how long it takes to
	// start.
	up, down time.Duration
	// dies: the pod ends without notice instead of after its requests.
	dies  bool
	flips int
}

// run changes the backend until stop is closed, and leaves a pod there.
func (a *autoscaler) run(t testing.TB, first *pod, stop <-chan struct{}) {
	current := first
	var ending sync.WaitGroup
	defer ending.Wait()
	sleep := func(d time.Duration) bool {
		select {
		case <-time.After(d):
			return true
		case <-stop:
			return false
		}
	}
	for a.drained(stop) && sleep(a.up+rand.N(a.up/2)) {
		old := current
		if a.dies {
			_ = old.server.Close()
			sleep(50 * time.Millisecond) // until a proxy notices
		}
		select {
		case <-a.p.held: // of an earlier flip
		default:
		}
		a.p.apply(a.s.endpoints())
		if !a.dies {
			ending.Go(func() { sleep(graceful); old.shutdown() }) // when stop is closed, all requests are answered
		}
		select {
		case <-a.p.held:
		case <-time.After(2 * time.Second):
		}
		time.Sleep(a.down)
		current = newPod(t, a.seen)
		a.p.apply(a.s.endpoints(current))
		a.flips++
	}
}

// drained waits until no request is held: nothing scales to zero before.
func (a *autoscaler) drained(stop <-chan struct{}) bool {
	for a.p.heldNow.Load() > 0 {
		select {
		case <-time.After(time.Millisecond):
		case <-stop:
			return false
		}
	}
	return true
}

// graceful is how long a pod that terminates takes requests, for those that Envoy was told to
// send or sent without asking before it knew. On a machine without idle processors that is long.
const graceful = 10 * time.Second

// result is what became of the requests of a flip test.
type result struct {
	sent, failed, waited, duplicates, lost int
	slowest                                time.Duration
	failures                               map[string]int
}

// load sends POSTs at random times, on average one each interval, and waits for all answers.
func load(s *site, seen *sync.Map, count int, interval time.Duration) result {
	c := newClient(s.t, s.port)
	body := strings.Repeat("x", 1024)
	var mu sync.Mutex
	var running sync.WaitGroup
	r := result{sent: count, failures: map[string]int{}}
	next := time.Now()
	for i := range count {
		next = next.Add(time.Duration(rand.ExpFloat64() * float64(interval)))
		time.Sleep(time.Until(next))
		running.Go(func() {
			got := c.post(strconv.Itoa(i), body)
			mu.Lock()
			defer mu.Unlock()
			r.slowest = max(r.slowest, got.took)
			if got.header.Get(coldStart) == "true" {
				r.waited++
			}
			if got.status != 200 {
				r.failed++
				r.failures[fmt.Sprintf("%d %.120s", got.status, got.body)]++
			}
		})
	}
	running.Wait()
	for i := range count {
		switch n, ok := seen.Load(strconv.Itoa(i)); {
		case !ok:
			r.lost++
		case n.(*atomic.Int64).Load() > 1:
			r.duplicates++
		}
	}
	return r
}

// Pods come and go thousands of times under POSTs at random times: none fails, none reaches a
// pod twice.
func TestEnvoyFlips(t *testing.T) {
	envoytest.Binary(t)
	for name, timing := range map[string]hold.Timing{
		"swapped": {Quiet: time.Minute},             // the old endpoint stays until there is a new one
		"emptied": {Quiet: time.Minute, Linger: -1}, // it goes as soon as it may
	} {
		t.Run(name, func(t *testing.T) {
			timing.DisarmPause = time.Millisecond // so that most flips begin disarmed
			p := newPlane(t, hold.Options{Timing: timing})
			s := newSite(t, service())
			seen := &sync.Map{}
			first := newPod(t, seen)
			s.start(p, first)
			a := &autoscaler{p: p, s: s, seen: seen, up: 120 * time.Millisecond, down: 100 * time.Millisecond}
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() { defer close(stopped); a.run(t, first, stop) }()
			r := load(s, seen, requests(2000), 3*time.Millisecond)
			close(stop)
			<-stopped
			t.Logf("%d POSTs over %d flips: %d waited, %d failed %v, %d lost, %d twice, slowest %s; "+
				"armed %v times, disarmed %v; confirmation not in time %v, ACK %v",
				r.sent, a.flips, r.waited, r.failed, r.failures, r.lost, r.duplicates, r.slowest.Round(time.Millisecond),
				p.counted("arms_total"), p.counted("disarms_total"),
				p.counted("waits_exceeded_total", "wait", "confirmation"), p.counted("waits_exceeded_total", "wait", "ack"))
			if r.failed > 0 || r.lost > 0 || r.duplicates > 0 {
				t.Error("requests failed, were lost or came twice")
			}
			if a.flips < r.sent/200 || r.waited == 0 || p.counted("disarms_total") == 0 {
				t.Error("the test did not flip enough to say anything")
			}
		})
	}
}

// Pods die without notice: what had been sent to them is lost, nothing else is. The proxy has the
// dead endpoint until there is another one, so that retries meet that instead of nothing.
func TestEnvoyPodDies(t *testing.T) {
	envoytest.Binary(t)
	p := newPlane(t, hold.Options{Timing: hold.Timing{Quiet: time.Millisecond}}) // armed most of the time
	s := newSite(t, service())
	seen := &sync.Map{}
	first := newPod(t, seen)
	s.start(p, first)
	a := &autoscaler{p: p, s: s, seen: seen, dies: true, up: 700 * time.Millisecond, down: 300 * time.Millisecond}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { defer close(stopped); a.run(t, first, stop) }()
	r := load(s, seen, requests(1500), 4*time.Millisecond)
	close(stop)
	<-stopped
	t.Logf("%d POSTs over %d deaths: %d waited, %d failed %v, %d twice, slowest %s", r.sent, a.flips, r.waited, r.failed, r.failures,
		r.duplicates, r.slowest.Round(time.Millisecond))
	for why, n := range r.failures {
		if !strings.Contains(why, "reset reason: connection termination") {
			t.Errorf("%d x %s", n, why)
		}
	}
	if a.flips < 3 {
		t.Error("the test did not kill enough to say anything")
	}
}
