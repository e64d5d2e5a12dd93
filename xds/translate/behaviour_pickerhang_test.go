package translate_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

type processServer = extprocv3.ExternalProcessor_ProcessServer

// conversation is a picker's side of one call, in the manner of the reference implementation.
type conversation struct {
	stream processServer
	pick   string
	body   []byte
}

// hang neither reads nor answers.
func (c *conversation) hang() error {
	<-c.stream.Context().Done()
	return c.stream.Context().Err()
}

// read reads up to so many messages of the request; end: the last of them ends it.
func (c *conversation) read(messages int) (end bool, err error) {
	for range messages {
		request, err := c.stream.Recv()
		if err != nil {
			return false, err
		}
		switch m := request.Request.(type) {
		case *extprocv3.ProcessingRequest_RequestHeaders:
			end = m.RequestHeaders.EndOfStream
		case *extprocv3.ProcessingRequest_RequestBody:
			c.body = append(c.body, m.RequestBody.Body...)
			end = m.RequestBody.EndOfStream
		}
		if end {
			return true, nil
		}
	}
	return false, nil
}

func (c *conversation) headers() error { return c.stream.Send(proxytest.Picked("one", c.pick)) }

func (c *conversation) give(body []byte, end bool) error {
	return c.stream.Send(&extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_RequestBody{
		RequestBody: proxytest.Streamed(body, end),
	}})
}

// everything is more messages than a request has.
const everything = 1 << 20

// fault is what a picker does wrong. Of a request without a body, a picker that picked gets the headers of the answer.
type fault struct {
	name  string
	serve func(*conversation) error
	// address that calls go to; empty: a picker that serves.
	address func(*testing.T) string
	// picks: for a request without a body, and ends its call. status: it is what every client gets.
	picks  bool
	status int
}

func faults() []fault {
	return []fault{
		{name: "accepts, says nothing", address: deaf},
		{name: "refuses connections", address: func(*testing.T) string { return "127.0.0.1:1" }},
		{name: "says garbage", address: garbage},
		{name: "hangs before it reads", serve: func(c *conversation) error { return c.hang() }},
		{name: "hangs behind the headers", serve: func(c *conversation) error { _, _ = c.read(1); return c.hang() }},
		{name: "hangs behind the first chunk", serve: func(c *conversation) error { _, _ = c.read(2); return c.hang() }},
		{name: "hangs behind the request", serve: func(c *conversation) error { _, _ = c.read(everything); return c.hang() }},
		{name: "hangs behind the pick", serve: func(c *conversation) error {
			_, _ = c.read(everything)
			_ = c.headers()
			return c.hang()
		}},
		{name: "hangs in the body that it gives back", serve: func(c *conversation) error {
			_, _ = c.read(everything)
			_ = c.headers()
			if len(c.body) > 0 {
				_ = c.give(c.body[:len(c.body)/2], false)
			}
			return c.hang()
		}},
		{name: "is slower than its time", serve: func(c *conversation) error {
			_, _ = c.read(everything)
			select {
			case <-time.After(5 * time.Second):
				return c.headers()
			case <-c.stream.Context().Done():
				return nil
			}
		}},
		{name: "fails before it reads", serve: func(*conversation) error { return status.Error(codes.Internal, "") }},
		{name: "fails behind the first chunk", serve: func(c *conversation) error {
			_, _ = c.read(2)
			return status.Error(codes.Internal, "")
		}},
		{name: "ends its call without an answer", serve: func(c *conversation) error { _, _ = c.read(everything); return nil }},
		{name: "ends its call behind the pick", picks: true, serve: func(c *conversation) error {
			_, _ = c.read(everything)
			return c.headers()
		}},
		{name: "answers something else", serve: func(c *conversation) error {
			_, _ = c.read(everything)
			_ = c.stream.Send(&extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseTrailers{
				ResponseTrailers: &extprocv3.TrailersResponse{},
			}})
			return c.hang()
		}},
		{name: "refuses the request with 429", status: http.StatusTooManyRequests, serve: func(c *conversation) error {
			_, _ = c.read(everything)
			return c.stream.Send(&extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ImmediateResponse{
				ImmediateResponse: &extprocv3.ImmediateResponse{Status: &typev3.HttpStatus{Code: http.StatusTooManyRequests}},
			}})
		}},
	}
}

// deaf accepts connections and never says a word.
func deaf(t *testing.T) string { return serveConnections(t, func(net.Conn) {}) }

func garbage(t *testing.T) string {
	return serveConnections(t, func(c net.Conn) { _, _ = io.WriteString(c, strings.Repeat("garbage\r\n", 100)) })
}

func serveConnections(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = connection.Close() })
			go serve(connection)
		}
	}()
	return listener.Addr().String()
}

// matrixLimit is the time of the pickers of TestPickersThatHang; matrixMargin is what an answer may take beyond it.
const matrixLimit, matrixMargin = time.Second, time.Second

// matrixCase is one request for which one fault happens.
type matrixCase struct {
	fault    fault
	failOpen bool
	bytes    int
	http2    bool
}

func (c matrixCase) path() string {
	return fmt.Sprintf("/%s/%t/%d/%t", strings.NewReplacer(" ", "-", ",", "").Replace(c.fault.name), c.failOpen, c.bytes, c.http2)
}

func (c matrixCase) wanted() int {
	switch {
	case c.fault.status != 0:
		return c.fault.status
	case c.failOpen, c.fault.picks && c.bytes == 0:
		return http.StatusOK
	default:
		return http.StatusServiceUnavailable
	}
}

// TestPickersThatHang has pickers fail in each phase of a request: within a second of their time each request is treated as the failure
// mode of its pool wants it, with and without a body. A healthy picker beside them notices nothing.
func TestPickersThatHang(t *testing.T) {
	w := newWorld(t)
	pod := echo(t, "pod")
	var cases []matrixCase
	var routes []ir.Route
	for _, fault := range faults() {
		var picker *proxytest.Picker
		address := ""
		if fault.address != nil {
			address = fault.address(t)
		} else {
			picker = proxytest.StartPicker(t, "one")
			picker.Script(func(stream processServer) error { return fault.serve(&conversation{stream: stream, pick: pod}) })
			address = picker.Address
		}
		for _, failOpen := range []bool{false, true} {
			for _, bytes := range []int{0, 1 << 10, 1 << 20} {
				for _, http2 := range []bool{false, true} {
					c := matrixCase{fault, failOpen, bytes, http2}
					target := w.bounded(w.pool(c.path()[1:], failOpen, nil, pod), matrixLimit)
					w.endpoints(target.Picker.Cluster, address)
					cases, routes = append(cases, c), append(routes, route(c.path(), prefix(c.path()), &ir.Forward{Targets: []ir.Target{target}}))
				}
			}
		}
	}
	healthy := proxytest.StartPicker(t, "healthy")
	healthy.Pick(pod)
	routes = append(routes, route("healthy", prefix("/healthy"),
		&ir.Forward{Targets: []ir.Target{w.bounded(w.pool("healthy", false, healthy, pod), matrixLimit)}}))
	w.host("matrix.test", routes...)
	w.apply()
	w.expect(ask{host: "matrix.test", path: "/healthy", method: "POST", body: "x"}, 200, "pod")

	stop := w.neighbour(t)
	took := make([]time.Duration, len(cases))
	var running sync.WaitGroup
	atOnce := make(chan struct{}, 6)
	for i, c := range cases {
		running.Go(func() {
			atOnce <- struct{}{}
			took[i] = w.fails(t, c)
			<-atOnce
		})
	}
	running.Wait()
	busy := stop() // what the machine is late by
	for i, c := range cases {
		if took[i] > matrixLimit+matrixMargin+busy {
			t.Errorf("%s: after %s; the machine is late by %s", c.path(), took[i], busy)
		}
	}
	t.Log("\n" + table(cases, took))
}

// fails sends the request of a case, and returns how long its answer took.
func (w *world) fails(t *testing.T, c matrixCase) time.Duration {
	body := strings.Repeat("x", c.bytes)
	begun := time.Now()
	out, err := w.over(c.http2, c.path(), body)
	took := time.Since(begun)
	switch {
	case err != nil:
		t.Errorf("%s: %v", c.path(), err)
	case out.status != c.wanted() || out.status == http.StatusOK && (out.Backend != "pod" || out.Body != body):
		t.Errorf("%s: %d with %d of %d bytes, want %d (%.100s)", c.path(), out.status, len(out.Body), len(body), c.wanted(), out.text)
	}
	return took
}

// over sends a request by HTTP/1.1 or HTTP/2.
func (w *world) over(http2 bool, path, body string) (answer, error) {
	method := http.MethodGet
	var content io.Reader
	if body != "" {
		method, content = http.MethodPost, strings.NewReader(body)
	}
	request, err := http.NewRequest(method, "http://"+local(w.port)+path, content)
	if err != nil {
		return answer{}, err
	}
	request.Host = "matrix.test"
	return send(http2, request)
}

var clientHTTP2 = &http.Client{Timeout: 10 * time.Second, Transport: &http2.Transport{AllowHTTP: true,
	DialTLSContext: func(ctx context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}}

func send(http2 bool, request *http.Request) (answer, error) {
	by := client
	if http2 {
		by = clientHTTP2
	}
	response, err := by.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	return answerOf(response, data), nil
}

// neighbour sends requests to the healthy pool until stop, each of which must be picked for. stop returns the time of the slowest.
func (w *world) neighbour(t *testing.T) (stop func() time.Duration) {
	end, done := make(chan struct{}), make(chan struct{})
	var all []time.Duration
	go func() {
		defer close(done)
		for {
			select {
			case <-end:
				slices.Sort(all)
				t.Logf("%d requests to the healthy pool: median %s, longest %s", len(all), all[len(all)/2], all[len(all)-1])
				return
			default:
			}
			begun := time.Now()
			out, err := w.over(false, "/healthy", strings.Repeat("y", 100_000))
			if err != nil || out.status != 200 || out.Headers.Get("x-picker") != "healthy" || len(out.Body) != 100_000 {
				t.Errorf("the healthy pool: %d %v %.100s", out.status, err, out.text)
			}
			all = append(all, time.Since(begun))
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return func() time.Duration { close(end); <-done; return all[len(all)-1] }
}

// table is a line for each fault and failure mode, with the shortest and the longest time of its requests.
func table(cases []matrixCase, took []time.Duration) string {
	var text strings.Builder
	out := tabwriter.NewWriter(&text, 0, 1, 2, ' ', 0)
	for _, fault := range faults() {
		for _, failOpen := range []bool{false, true} {
			var times []string
			for _, bytes := range []int{0, 1 << 10, 1 << 20} {
				var of []time.Duration
				var want int
				for i, c := range cases {
					if c.fault.name == fault.name && c.failOpen == failOpen && c.bytes == bytes {
						of, want = append(of, took[i]), c.wanted()
					}
				}
				times = append(times, fmt.Sprintf("%d %.2f-%.2f s", want, slices.Min(of).Seconds(), slices.Max(of).Seconds()))
			}
			fmt.Fprintf(out, "%s\topen %t\t%s\n", fault.name, failOpen, strings.Join(times, "\t"))
		}
	}
	_ = out.Flush()
	return text.String()
}

// TestPickerOfSlowUpload: the time of a picker begins when it has what it needs. An upload that takes longer, with pauses longer than
// that time, is picked for.
func TestPickerOfSlowUpload(t *testing.T) {
	w := newWorld(t)
	pod := echo(t, "pod")
	picker := proxytest.StartPicker(t, "one")
	picker.Pick(pod)
	const limit = time.Second // a busy machine takes no message for a while
	var routes []ir.Route
	for _, failOpen := range []bool{false, true} {
		path := fmt.Sprintf("/%t", failOpen)
		target := w.bounded(w.pool(path[1:], failOpen, picker, pod), limit)
		routes = append(routes, route(path, prefix(path), &ir.Forward{Targets: []ir.Target{target}}))
	}
	w.host("slow.test", routes...)
	w.apply()
	chunk := strings.Repeat("z", 256<<10)
	var running sync.WaitGroup
	for _, failOpen := range []bool{false, true} {
		for _, http2 := range []bool{false, true} {
			running.Go(func() {
				read, write := io.Pipe()
				go func() {
					for range 3 {
						_, _ = io.WriteString(write, chunk)
						time.Sleep(limit * 3 / 2)
					}
					_ = write.Close()
				}()
				request, err := http.NewRequest(http.MethodPost, fmt.Sprintf("http://%s/%t", local(w.port), failOpen), read)
				if err != nil {
					t.Error(err)
					return
				}
				request.Host = "slow.test"
				out, err := send(http2, request)
				if err != nil || out.status != 200 || out.Headers.Get("x-picker") != "one" || out.Body != strings.Repeat(chunk, 3) {
					t.Errorf("open %t, HTTP/2 %t: %d %v, %d bytes, picker %q",
						failOpen, http2, out.status, err, len(out.Body), out.Headers.Get("x-picker"))
				}
			})
		}
	}
	running.Wait()
}

// TestPickerHangsOnAndOn: after three requests in a row without an answer no request waits for a picker, but for one each second, and it is
// asked again when it answers that one.
func TestPickerHangsOnAndOn(t *testing.T) {
	w := newWorld(t)
	pod := echo(t, "pod")
	picker := proxytest.StartPicker(t, "one")
	picker.Pick(pod)
	picker.Hang(0)
	const limit = 500 * time.Millisecond
	open, closed := w.bounded(w.pool("open", true, picker, pod), limit), w.bounded(w.pool("closed", false, picker, pod), limit)
	w.host("matrix.test", route("open", prefix("/open"), &ir.Forward{Targets: []ir.Target{open}}),
		route("closed", prefix("/closed"), &ir.Forward{Targets: []ir.Target{closed}}))
	w.apply()
	body := strings.Repeat("x", 2<<10)
	for path, want := range map[string]int{"/open": 200, "/closed": 503} {
		quick := 0
		for range 20 {
			begun := time.Now()
			out, err := w.over(false, path, body)
			if err != nil || out.status != want || want == 200 && out.Body != body {
				t.Fatalf("%s: %d %v", path, out.status, err)
			}
			if time.Since(begun) < limit {
				quick++
			}
		}
		if quick < 12 {
			t.Errorf("%s: %d of 20 requests did not wait", path, quick)
		}
	}
	picker.Script(func(stream processServer) error {
		c := &conversation{stream: stream, pick: pod}
		if _, err := c.read(everything); err != nil {
			return err
		}
		if err := errors.Join(c.headers(), c.give(c.body, true)); err != nil {
			return err
		}
		_, err := stream.Recv()
		return err
	})
	for end := time.Now().Add(10 * time.Second); ; {
		out, err := w.over(false, "/closed", "x")
		if err == nil && out.status == 200 && out.Headers.Get("x-picker") == "one" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("it is not asked again: %d %v", out.status, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	w.expect(ask{host: "matrix.test", path: "/closed", method: "POST", body: "x"}, 200, "pod")
}

// TestProxyBeforeRelays: a proxy that was started before there were relays asks pickers directly.
func TestProxyBeforeRelays(t *testing.T) {
	w := worldOf(t, proxytest.StartWith(t, func(c *bootstrap.Config) { c.RelaySocket, c.PickersSocket = "", "" }))
	pod := echo(t, "pod")
	picker := proxytest.StartPicker(t, "one")
	picker.Pick(pod)
	target := w.bounded(w.pool("pool", false, picker, pod), time.Second)
	w.host("matrix.test", route("pool", prefix("/"), &ir.Forward{Targets: []ir.Target{target}}))
	w.apply()
	for range 20 {
		if out, err := w.over(false, "/", "x"); err != nil || out.status != 200 || out.Headers.Get("x-picker") != "one" {
			t.Fatalf("%d %v", out.status, err)
		}
	}
}

// TestNoRelay: while there is no relay, pickers are asked directly.
func TestNoRelay(t *testing.T) {
	w := newWorld(t)
	pod := echo(t, "pod")
	picker := proxytest.StartPicker(t, "one")
	picker.Pick(pod)
	target := w.bounded(w.pool("pool", false, picker, pod), time.Second)
	w.host("matrix.test", route("pool", prefix("/"), &ir.Forward{Targets: []ir.Target{target}}))
	w.apply()
	out, err := w.over(false, "/", "x")
	if err != nil || out.status != 200 {
		t.Fatalf("%d %v", out.status, err)
	}
	w.proxy.StopRelay()
	time.Sleep(2500 * time.Millisecond) // until it is missed
	for range 50 {
		if out, err := w.over(false, "/", "x"); err != nil || out.status != 200 || out.Headers.Get("x-picker") != "one" {
			t.Fatalf("without a relay: %d %v", out.status, err)
		}
	}
}
