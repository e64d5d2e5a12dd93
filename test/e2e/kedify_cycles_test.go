package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
	"github.com/kedify/inference-gateway/test/e2e/internal/podlog"
)

// TestKedifyHTTPCycles takes the last pod of an application away, over and over, while requests
// arrive at random, 10,000 of them; the next one wakes it. Every POST is answered, by the request's
// own echo, and the pods' own logs have each of them exactly once. It runs for about 90 s; with
// -long they come more slowly, and there are three times as many cycles.
//
// KEDA itself goes to zero only when it is quiet. Here the test scales to zero in the middle of
// traffic, which is harder, and KEDA scales back.
func TestKedifyHTTPCycles(t *testing.T) {
	const host, arrivals = "cycle.test", 10_000
	rate := 120.0
	if *long {
		rate /= 3
	}
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	address := deploy(t, c, namespace, workload{Name: "cycle"}, scaled{Host: host, Max: 1, Metric: "requestRate", Target: 100000})
	counted := newTally(t, c, namespace, "app=cycle")
	traffic := load.Arrive(t, load.Arrivals{
		Address: address, Rate: rate, Random: true, Count: arrivals, Patience: time.Minute,
		Request: func(n int) load.Request {
			path := fmt.Sprintf("/arrival/%d", n)
			return load.Request{Method: http.MethodPost, Host: host, Path: path, Body: "a body", Expect: func(r *http.Response, body []byte) error {
				if r.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(`"path": "`+path+`"`)) {
					return fmt.Errorf("%s: %.200s", r.Status, body)
				}
				return nil
			}}
		},
	})
	cycles := 0
	for begun := time.Now(); traffic.Report().Total < arrivals*95/100; cycles++ {
		c.ReplicasBecome(t, namespace, "cycle", 1, time.Minute)
		time.Sleep(time.Duration(rand.Int64N(int64(2 * time.Second))))
		asleep(t, c, namespace, "cycle")
		if time.Since(begun) > 10*time.Minute {
			t.Fatalf("only %d of %d requests were answered", traffic.Report().Total, arrivals)
		}
	}
	report := traffic.Wait()
	t.Logf("%d cycles 1 -> 0 -> 1: %s", cycles, report)
	if report.Wrong > 0 || report.Total != arrivals {
		t.Errorf("%d of %d requests answered: %s", report.Total, arrivals, report.Examples())
	}
	if cycles < 5 {
		t.Errorf("only %d cycles", cycles)
	}
	counted.mustBeOnce(t, arrivals)
}

// asleep sets the replicas of a Deployment to zero and does not wait.
func asleep(t *testing.T, c *cluster.Cluster, namespace, name string) {
	t.Helper()
	patch(t, c, namespace, name, `{"spec": {"replicas": 0}}`)
}

// tally counts arrivals on the side of the pods.
type tally struct {
	reader *podlog.Reader
	mu     sync.Mutex
	times  map[int]int
}

// arrival is a line of the echo backend's log.
var arrival = regexp.MustCompile(`^Echoing back request made to /arrival/(\d+) `)

func newTally(t *testing.T, c *cluster.Cluster, namespace, selector string) *tally {
	counted := &tally{times: map[int]int{}}
	counted.reader = podlog.Follow(t, c.Clients, namespace, selector, func(_, line string) {
		match := arrival.FindStringSubmatch(line)
		if match == nil {
			return
		}
		n, err := strconv.Atoi(match[1])
		if err != nil {
			return
		}
		counted.mu.Lock()
		defer counted.mu.Unlock()
		counted.times[n]++
	})
	return counted
}

// mustBeOnce wants each of the numbers below n exactly once. That a log was read to its end
// cannot be known of a pod that went, so a few lines may be missing: the answers prove them.
func (c *tally) mustBeOnce(t *testing.T, n int) {
	t.Helper()
	cluster.Eventually(t, 10*time.Second, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.times) < n*99/100 {
			return fmt.Errorf("the pods' logs have %d of %d requests", len(c.times), n)
		}
		return nil
	})
	c.reader.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	twice := 0
	for number, times := range c.times {
		if times > 1 {
			twice++
			t.Errorf("request %d arrived %d times", number, times)
		}
	}
	t.Logf("the pods' logs have %d of %d requests, %d of them more than once", len(c.times), n, twice)
}
