package translate_test

import (
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/xds/ir"
)

// The retries that the conformance suite does not test, as HTTPRouteRetry of the Gateway API words them
// (features HTTPRouteRetryConnectionError, and HTTPRouteRetryBackendTimeout of v1.6).

// counted starts a backend that lets handler treat the attempts below good, and answers 200 to
// the others.
func counted(t *testing.T, good int64, handler http.HandlerFunc) (address string, attempts *atomic.Int64) {
	t.Helper()
	attempts = &atomic.Int64{}
	address = server(t, func(out http.ResponseWriter, in *http.Request) {
		if attempts.Add(1) < good {
			handler(out, in)
		}
	})
	return address, attempts
}

// hang answers nothing until the proxy gives up.
func hang(_ http.ResponseWriter, in *http.Request) {
	select {
	case <-in.Context().Done():
	case <-time.After(5 * time.Second):
	}
}

// never is a number of attempts that no test reaches.
const never = 1 << 20

// TestRetryOfTimeouts: an attempt that reaches the backendRequest timeout is cancelled and, of a request that may
// be processed twice, tried again, at most as often as said; the request timeout bounds all attempts together.
func TestRetryOfTimeouts(t *testing.T) {
	t.Parallel()
	const attempt = 300 * time.Millisecond
	cases := []struct {
		name          string
		method        string
		timeouts      ir.Timeouts
		retry         *ir.Retry
		good          int64 // the first attempt that is answered
		status        int
		attempts      int64
		atLeast, most time.Duration
	}{
		{"second", "GET", ir.Timeouts{BackendRequest: limit(attempt)}, &ir.Retry{Attempts: 1}, 2, 200, 2, attempt, 2 * time.Second},
		{"fourth", "GET", ir.Timeouts{BackendRequest: limit(attempt)}, &ir.Retry{Attempts: 3}, 4, 200, 4, 3 * attempt, 3 * time.Second},
		{"exhausted", "GET", ir.Timeouts{BackendRequest: limit(attempt)}, &ir.Retry{Attempts: 2}, never, 504, 3, 3 * attempt, 3 * time.Second},
		{"codes", "GET", ir.Timeouts{BackendRequest: limit(attempt)}, &ir.Retry{Attempts: 1, Codes: []uint32{500}}, 2, 200, 2, attempt,
			2 * time.Second},
		{"bounded", "GET", ir.Timeouts{BackendRequest: limit(attempt), Request: limit(2*attempt + attempt/2)}, &ir.Retry{Attempts: 9,
			Backoff: time.Millisecond}, never, 504, 3, 2 * attempt, 6 * attempt},
		{"posted", "POST", ir.Timeouts{BackendRequest: limit(attempt)}, &ir.Retry{Attempts: 3}, 2, 504, 1, attempt, time.Second},
		{"once", "GET", ir.Timeouts{BackendRequest: limit(attempt)}, nil, 2, 504, 1, attempt, time.Second},
	}
	w := newWorld(t)
	var routes []ir.Route
	counts := map[string]*atomic.Int64{}
	for _, c := range cases {
		address, attempts := counted(t, c.good, hang)
		counts[c.name] = attempts
		forward := to(w.cluster(ir.Cluster{Key: serviceKey(c.name), Protocol: ir.HTTP1}, address))
		forward.Timeouts, forward.Retry = c.timeouts, c.retry
		routes = append(routes, route(c.name, prefix("/"+c.name), forward))
	}
	w.host("retry.test", routes...)
	w.apply()
	for _, c := range cases {
		start := time.Now()
		w.expect(ask{method: c.method, host: "retry.test", path: "/" + c.name}, c.status, "")
		if took := time.Since(start); took < c.atLeast-early || took > c.most {
			t.Errorf("%s took %v, want %v to %v", c.name, took, c.atLeast, c.most)
		}
		if got := counts[c.name].Load(); got != c.attempts {
			t.Errorf("%s: %d attempts, want %d", c.name, got, c.attempts)
		}
	}
}

// disconnect closes the connection without an answer.
func disconnect(out http.ResponseWriter, _ *http.Request) {
	connection, _, err := out.(http.Hijacker).Hijack()
	if err == nil {
		_ = connection.Close()
	}
}

// reset closes the connection with a TCP reset.
func reset(out http.ResponseWriter, _ *http.Request) {
	connection, _, err := out.(http.Hijacker).Hijack()
	if err == nil {
		_ = connection.(*net.TCPConn).SetLinger(0)
		_ = connection.Close()
	}
}

// unwilling answers with a code that a rule may list.
func unwilling(out http.ResponseWriter, _ *http.Request) {
	out.WriteHeader(http.StatusInternalServerError)
}

// TestRetryOfBrokenConnections: a request whose connection is refused is tried again, and so is one whose connection
// is closed or reset before an answer if it may be processed twice, without any status code in the list, at most as
// often as said.
func TestRetryOfBrokenConnections(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name     string
		method   string
		handler  http.HandlerFunc
		retry    *ir.Retry
		good     int64
		status   int
		attempts int64
	}{
		{"disconnect", "GET", disconnect, &ir.Retry{Attempts: 1}, 2, 200, 2},
		{"reset", "GET", reset, &ir.Retry{Attempts: 2}, 3, 200, 3},
		{"codes", "GET", reset, &ir.Retry{Attempts: 1, Codes: []uint32{500}}, 2, 200, 2},
		{"exhausted", "GET", disconnect, &ir.Retry{Attempts: 2}, never, 503, 3},
		{"once", "GET", disconnect, nil, 2, 503, 1},
		{"put", "PUT", reset, &ir.Retry{Attempts: 1}, 2, 200, 2},
		{"posted", "POST", disconnect, &ir.Retry{Attempts: 3}, 2, 503, 1},
		{"patched", "PATCH", reset, &ir.Retry{Attempts: 3, Codes: []uint32{500}}, 2, 503, 1},
		{"rejected", "POST", unwilling, &ir.Retry{Attempts: 1, Codes: []uint32{500}}, 2, 200, 2},
	}
	w := newWorld(t)
	counts := map[string]*atomic.Int64{}
	var routes []ir.Route
	for _, c := range cases {
		address, attempts := counted(t, c.good, c.handler)
		counts[c.name] = attempts
		forward := to(w.cluster(ir.Cluster{Key: serviceKey(c.name), Protocol: ir.HTTP1}, address))
		forward.Retry = c.retry
		routes = append(routes, route(c.name, prefix("/"+c.name), forward))
	}
	// One of two endpoints has no listener; requests meet it until it has failed twice.
	refused := w.cluster(ir.Cluster{Key: serviceKey("refused"), Protocol: ir.HTTP1}, closedPort(t), echo(t, "alive"))
	patient := to(refused)
	patient.Retry = &ir.Retry{Attempts: 20} // an attempt may meet the dead endpoint again
	plain := w.cluster(ir.Cluster{Key: serviceKey("plain"), Protocol: ir.HTTP1}, closedPort(t), echo(t, "alive"))
	routes = append(routes, route("patient", prefix("/patient"), patient), route("plain", prefix("/plain"), to(plain)))
	w.host("retry.test", routes...)
	w.apply()

	for _, c := range cases {
		w.expect(ask{method: c.method, host: "retry.test", path: "/" + c.name}, c.status, "")
		if got := counts[c.name].Load(); got != c.attempts {
			t.Errorf("%s: %d attempts, want %d", c.name, got, c.attempts)
		}
	}
	for range 10 { // a rule without a policy retries what no endpoint has got
		w.expect(ask{host: "retry.test", path: "/patient"}, 200, "alive")
		w.expect(ask{method: "POST", host: "retry.test", path: "/patient"}, 200, "alive")
		w.expect(ask{host: "retry.test", path: "/plain"}, 200, "alive")
	}
	for _, name := range []string{"patient", "plain"} { // the access log is written every 10 s
		gomega.NewWithT(t).Eventually(w.proxy.Output, 20*time.Second).Should(gomega.MatchRegexp(`"attempts":[2-9][^\n]*"route":"`+name+`"`),
			"no request of %s met the endpoint that refuses: the test proves nothing", name)
	}
}

// closedPort is an address without a listener.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
