package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kedify/inference-gateway/internal/envoyadmin"
)

// steppingClock moves when a goroutine sleeps: a drain of minutes takes microseconds.
type steppingClock struct{ *clocktesting.FakeClock }

func (c steppingClock) Sleep(d time.Duration) { c.Step(d) }

// fakeAdmin answers like Envoy's admin interface: one scripted sample per look, the last one
// for ever.
type fakeAdmin struct {
	samples []sample
	looks   atomic.Int64
	posts   []string
}

func (a *fakeAdmin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		a.posts = append(a.posts, r.URL.String())
		return
	}
	s := a.samples[min(int(a.looks.Add(1))-1, len(a.samples)-1)]
	fmt.Fprintf(w, `{"stats":[{"name":"http.http.downstream_rq_active","value":%d},{"name":"http.http.downstream_cx_active","value":7},
		{"name":"server.total_connections","value":%d},{"name":"udp.udp.downstream_sess_active","value":%d},
		{"name":"http.http.downstream_rq_total","value":%d},{"histograms":{}}]}`,
		s.requests, 7+s.connections, s.sessions, s.arrivals)
}

func startAdmin(t *testing.T, handler http.Handler) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "admin.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	return socket
}

func TestDrain(t *testing.T) {
	const timeout, quiet = 60 * time.Second, 5 * time.Second
	// What is seen at one look and not at the next, a second later, may have ended just before the second.
	idle := sample{arrivals: 10}
	repeat := func(s sample, times int) []sample {
		samples := make([]sample, times)
		for i := range samples {
			samples[i] = s
		}
		return samples
	}
	growing := func(times int) []sample {
		samples := make([]sample, times)
		for i := range samples {
			samples[i] = sample{arrivals: int64(10 + i)}
		}
		return samples
	}
	tests := map[string]struct {
		samples  []sample
		took     time.Duration
		complete bool
		cut      int64
	}{
		"nothing in flight":              {[]sample{idle}, quiet, true, 0},
		"a request of 20 s":              {append(repeat(sample{requests: 1, arrivals: 10}, 20), idle), 20*time.Second + quiet, true, 0},
		"a connection of 20 s":           {append(repeat(sample{connections: 1, arrivals: 10}, 20), idle), 20*time.Second + quiet, true, 0},
		"a UDP session of 20 s":          {append(repeat(sample{sessions: 1, arrivals: 10}, 20), idle), 20*time.Second + quiet, true, 0},
		"newcomers for 20 s":             {growing(20), 19*time.Second + quiet, true, 0},
		"a request that never ends":      {[]sample{{requests: 3, arrivals: 10}}, timeout, false, 3},
		"newcomers that never end":       {growing(200), timeout, false, 0},
		"a late one in the quiet time":   {append(repeat(idle, 4), sample{arrivals: 11}), 4*time.Second + quiet, true, 0},
		"everything ends as time is up ": {append(repeat(sample{requests: 1, arrivals: 10}, 58), idle), timeout, false, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			admin := &fakeAdmin{samples: test.samples}
			clock := steppingClock{clocktesting.NewFakeClock(time.Unix(0, 0))}
			drainer := newDrainer(drainOptions{
				socket: startAdmin(t, admin), timeout: timeout, quiet: quiet, interval: time.Second,
			}, clock, logr.Discard())
			outcome, err := drainer.drain(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			took := clock.Since(time.Unix(0, 0))
			if took != test.took || outcome.complete != test.complete || outcome.last.inFlight() != test.cut {
				t.Errorf("took %v, complete %v, cut %d; want %v, %v, %d", took, outcome.complete, outcome.last.inFlight(), test.took,
					test.complete, test.cut)
			}
			if got := strings.Join(admin.posts, " "); got != "/healthcheck/fail /drain_listeners?graceful&skip_exit" {
				t.Errorf("asked for %q", got)
			}
		})
	}
}

func TestDrainWithoutEnvoy(t *testing.T) {
	options := drainOptions{socket: filepath.Join(t.TempDir(), "none.sock"), timeout: time.Minute, quiet: time.Second, interval: time.Second}
	drainer := newDrainer(options, steppingClock{clocktesting.NewFakeClock(time.Unix(0, 0))}, logr.Discard())
	if _, err := drainer.drain(context.Background()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no socket: %v", err)
	}
	if err := shutdown(context.Background(), options); err != nil {
		t.Errorf("the command fails without an Envoy: %v", err)
	}
	listener, err := net.Listen("unix", options.socket)
	if err != nil {
		t.Fatal(err)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	listener.Close()
	if _, err := drainer.drain(context.Background()); !errors.Is(err, envoyadmin.ErrGone) {
		t.Errorf("a socket without a server: %v", err)
	}
}
