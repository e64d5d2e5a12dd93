package load

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"testing"
	"time"
)

// Arrivals are requests that come when they come, whether or not earlier ones were answered.
type Arrivals struct {
	Address string // host:port to dial
	// Rate per second, on average.
	Rate float64
	// Random arrivals have exponential gaps (a Poisson process); otherwise gaps are equal.
	Random bool
	// Count ends the run; zero: it goes on until Stop.
	Count int
	// Request makes the nth request, from zero.
	Request func(n int) Request
	// Observe sees every answer; it is called by several goroutines.
	Observe func(*http.Response, []byte)
	// Patience of the client with one answer; 30 s unless set.
	Patience time.Duration
}

// Arrive begins with requests at a rate. The test stops it at its end at the latest.
func Arrive(t testing.TB, arrivals Arrivals) *Run {
	ctx, cancel := context.WithCancel(context.Background())
	run := &Run{options: Options{Observe: arrivals.Observe}, cancel: cancel, report: Report{Outcomes: map[string]int{}}}
	run.workers.Go(func() { run.arrive(ctx, arrivals) })
	t.Cleanup(func() { run.Stop() })
	return run
}

// Wait returns when a run that ends by itself has ended.
func (r *Run) Wait() Report {
	r.workers.Wait()
	return r.Stop()
}

func (r *Run) arrive(ctx context.Context, arrivals Arrivals) {
	client := many(arrivals)
	r.closeIdle = client.CloseIdleConnections
	next := time.Now()
	for n := 0; arrivals.Count == 0 || n < arrivals.Count; n++ {
		gap := 1 / arrivals.Rate
		if arrivals.Random {
			gap *= rand.ExpFloat64()
		}
		next = next.Add(time.Duration(gap * float64(time.Second)))
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(next)):
		}
		request := arrivals.Request(n)
		r.workers.Go(func() { r.send(client, request) })
	}
}

// many is a client with as many connections as there are requests under way.
func many(arrivals Arrivals) *http.Client {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, arrivals.Address)
		},
		MaxIdleConnsPerHost: 1024,
	}
	patience := arrivals.Patience
	if patience == 0 {
		patience = 30 * time.Second
	}
	return &http.Client{
		Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
