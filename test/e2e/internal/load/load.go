// Package load sends requests at a steady rate from many keep-alive connections and counts
// every answer.
//
// Job: the traffic under which a promise is tested.
// Inputs: an address, requests to send in turn, what answer is expected.
// Outputs: a Report.
// Ownership: one goroutine per connection, started by Start and ended by Stop; they share only
// the counters, under one lock.
package load

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
)

// Request is one kind of request of the mix.
type Request struct {
	Method string // GET when empty
	Host   string
	Path   string
	Header map[string]string
	Body   string
	// Expect judges the answer; nil expects 200.
	Expect func(*http.Response, []byte) error
}

// Options of a run.
type Options struct {
	Address string // host:port to dial
	// Workers is the number of connections.
	Workers int
	// Pause of a worker between two requests.
	Pause time.Duration
	// Fresh makes every request open a connection of its own.
	Fresh    bool
	Requests []Request
	// Observe sees every answer; it is called by several goroutines.
	Observe func(*http.Response, []byte)
}

// Run is traffic under way.
type Run struct {
	options Options
	cancel  context.CancelFunc
	workers sync.WaitGroup
	// closeIdle is set by a worker, and called when all have ended.
	closeIdle func()

	mu        sync.Mutex
	report    Report
	latencies []time.Duration
	// sent is when each request was sent that has an outcome, in the order of the outcomes.
	sent []sent
}

// sent is one request and whether its answer was unexpected.
type sent struct {
	at    time.Time
	wrong bool
}

// Report is what happened.
type Report struct {
	Total      int
	Outcomes   map[string]int // by status, or "error"
	Unexpected []string       // the first hundred, with time and reason
	// Wrong counts all unexpected answers.
	Wrong         int
	P50, P99, Max time.Duration
}

func (r Report) String() string {
	var outcomes []string
	for outcome, n := range r.Outcomes {
		outcomes = append(outcomes, fmt.Sprintf("%s: %d", outcome, n))
	}
	sort.Strings(outcomes)
	return fmt.Sprintf("%d requests (%s), %d unexpected, p50 %s p99 %s max %s", r.Total, strings.Join(outcomes, ", "),
		r.Wrong, r.P50.Round(10*time.Microsecond), r.P99.Round(10*time.Microsecond), r.Max.Round(10*time.Microsecond))
}

// Examples are some of the unexpected answers, for a message.
func (r Report) Examples() string {
	return fmt.Sprintf("%d unexpected answers:\n%s", r.Wrong, strings.Join(r.Unexpected[:min(10, len(r.Unexpected))], "\n"))
}

// Start begins the traffic. The test stops it at its end at the latest.
func Start(t testing.TB, options Options) *Run {
	ctx, cancel := context.WithCancel(context.Background())
	run := &Run{options: options, cancel: cancel, report: Report{Outcomes: map[string]int{}}}
	for n := range options.Workers {
		run.workers.Go(func() { run.work(ctx, n) })
	}
	t.Cleanup(func() { run.Stop() })
	return run
}

// Stop ends the traffic after the requests under way and returns what happened. It may be
// called again.
func (r *Run) Stop() Report {
	r.cancel()
	r.workers.Wait()
	if r.closeIdle != nil {
		r.closeIdle()
	}
	return r.Report()
}

// Report returns what happened until now.
func (r *Run) Report() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	report := r.report
	sorted := slices.Clone(r.latencies)
	slices.Sort(sorted)
	if n := len(sorted); n > 0 {
		report.P50, report.P99, report.Max = sorted[n/2], sorted[n*99/100], sorted[n-1]
	}
	return report
}

// Between counts the requests that were sent in a part of the run and have an outcome, and the
// unexpected ones among them.
func (r *Run) Between(from, to time.Time) (total, wrong int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, request := range r.sent {
		if request.at.Before(from) || !request.at.Before(to) {
			continue
		}
		total++
		if request.wrong {
			wrong++
		}
	}
	return total, wrong
}

// enough is how long MustBeClean waits for traffic on a busy machine.
const enough = 30 * time.Second

// MustBeClean goes on until there was as much traffic as the test needs to mean anything, stops
// it, and fails the test on any unexpected answer.
func (r *Run) MustBeClean(t testing.TB, atLeast int) {
	t.Helper()
	missing := gomega.NewGomega(func(message string, _ ...int) { t.Error(message) }) // goes on: the report says why
	missing.Eventually(func() int { return r.Report().Total }).WithTimeout(enough).WithPolling(50*time.Millisecond).
		Should(gomega.BeNumerically(">=", atLeast), "requests that the test needs to mean anything")
	report := r.Stop()
	t.Log(report)
	if report.Wrong > 0 {
		t.Errorf("%d unexpected answers:\n%s", report.Wrong, strings.Join(report.Unexpected, "\n"))
	}
}

func (r *Run) work(ctx context.Context, number int) {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, r.options.Address)
		},
		MaxIdleConnsPerHost: 1,
		DisableKeepAlives:   r.options.Fresh,
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{
		Transport: transport, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for i := number; ctx.Err() == nil; i++ {
		r.send(client, r.options.Requests[i%len(r.options.Requests)])
		if r.options.Pause > 0 {
			time.Sleep(r.options.Pause)
		}
	}
}

// send is not told of the end of the run, so that no request under way is cut.
func (r *Run) send(client *http.Client, request Request) {
	method := request.Method
	if method == "" {
		method = http.MethodGet
	}
	message, err := http.NewRequest(method, "http://"+request.Host+request.Path, bytes.NewReader([]byte(request.Body)))
	if err != nil {
		r.count(request, "error", 0, err)
		return
	}
	for name, value := range request.Header {
		message.Header.Set(name, value)
	}
	begun := time.Now()
	response, err := client.Do(message)
	if err != nil {
		r.count(request, "error", time.Since(begun), err)
		return
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	took := time.Since(begun)
	switch {
	case err != nil:
	case request.Expect != nil:
		err = request.Expect(response, body)
	case response.StatusCode != http.StatusOK:
		err = fmt.Errorf("%s: %.200s", response.Status, body)
	}
	r.count(request, fmt.Sprint(response.StatusCode), took, err)
	if r.options.Observe != nil {
		r.options.Observe(response, body)
	}
}

func (r *Run) count(request Request, outcome string, took time.Duration, wrong error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Total++
	r.report.Outcomes[outcome]++
	r.latencies = append(r.latencies, took)
	r.sent = append(r.sent, sent{time.Now().Add(-took), wrong != nil})
	if wrong == nil {
		return
	}
	r.report.Wrong++
	if len(r.report.Unexpected) < 100 {
		r.report.Unexpected = append(r.report.Unexpected, fmt.Sprintf("%s %s%s after %s: %v",
			time.Now().Format("15:04:05.000"), request.Host, request.Path, took.Round(time.Millisecond), wrong))
	}
}
