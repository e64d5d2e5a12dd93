package translate_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

// deadline of the rules below, and how late the answer may be: that of a loaded machine.
const (
	deadline = 400 * time.Millisecond
	lateness = 1500 * time.Millisecond
)

// limited is a forward with a request limit.
func limited(f *ir.Forward) *ir.Forward {
	f.Timeouts.Request = limit(deadline)
	return f
}

// deadlines adds the rules that hang in one place each, to an exact host and to a wildcard.
func (w *world) deadlines(t *testing.T) {
	hanging := w.cluster(ir.Cluster{Key: serviceKey("hanging"), Protocol: ir.HTTP1}, server(t, hang))
	holder := proxytest.StartHolder(t)
	t.Cleanup(holder.Hold())
	pod := echo(t, "pod")
	mute, half, late := proxytest.StartPicker(t, "mute"), proxytest.StartPicker(t, "half"), proxytest.StartPicker(t, "late")
	mute.Hang(0)
	half.Hang(2)
	late.Pick(pod)
	late.Hang(1) // of a GET: it picks, and then leaves the headers of the answer unread
	attempt := limited(to(hanging))
	attempt.Retry, attempt.Timeouts.BackendRequest = &ir.Retry{Attempts: 9}, limit(deadline/4)
	quick := to(w.service("quick"))
	quick.Timeouts.Request = limit(10 * time.Second) // a busy machine takes its time for megabytes
	one := func(target ir.Target) *ir.Forward { return limited(&ir.Forward{Targets: []ir.Target{target}}) }
	routes := []ir.Route{
		route("backend", prefix("/backend"), limited(to(hanging))),
		route("attempts", prefix("/attempts"), attempt),
		route("hold", prefix("/hold"), one(w.held(ir.Target{Cluster: w.service("held"), Weight: 1}, holder))),
		route("closed", prefix("/closed"), one(w.pool("closed", false, mute, pod))),
		route("open", prefix("/open"), one(w.pool("open", true, mute, pod))),
		route("half-closed", prefix("/half-closed"), one(w.pool("half-closed", false, half, pod))),
		route("half-open", prefix("/half-open"), one(w.pool("half-open", true, half, pod))),
		route("late-closed", prefix("/late-closed"), one(w.pool("late-closed", false, late, pod))),
		route("late-open", prefix("/late-open"), one(w.pool("late-open", true, late, pod))),
		route("hold-pool", prefix("/hold-pool"), one(w.held(w.pool("hold-pool", true, mute, pod), holder))),
		route("quick", prefix("/quick"), quick),
		route("fast", prefix("/"), limited(to(w.service("fast")))),
	}
	w.host("exact.test", routes...)
	w.wildcards(ir.Host{Chain: w.chain, Hostname: "*.wild.test", Routes: routes}, ir.Host{Chain: w.chain, Hostname: "*", Routes: routes})
}

// TestG5OneDeadline: a request limit is that of the whole request. What holds it, picks for it or answers
// it may hang, from the headers on or in the middle of a body, and a pool may fail open: the answer is 504
// when the limit is over, on hosts that the fallback finds as well.
func TestG5OneDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deadlines(t)
	w.apply()
	bodies := map[string]string{"no body": "", "1 KB": strings.Repeat("x", 1<<10), "3 MB": strings.Repeat("x", 3<<20)}
	for _, host := range []string{"exact.test", "a.wild.test", "other.test", "EXACT.test"} {
		for _, path := range []string{"backend", "attempts", "hold", "closed", "open", "half-closed", "half-open", "late-closed",
			"late-open", "hold-pool"} {
			for name, body := range bodies {
				if body == "" && strings.HasPrefix(path, "half") {
					continue
				}
				t.Run(host+"/"+path+"/"+name, func(t *testing.T) {
					t.Parallel()
					begun := time.Now()
					method := http.MethodPost
					switch {
					case body == "":
						method = http.MethodGet
					case path == "attempts":
						method = http.MethodPut // a POST that timed out is not tried again
					}
					out, err := w.try(ask{host: host, path: "/" + path, method: method, body: body})
					took := time.Since(begun)
					if err != nil || out.status != http.StatusGatewayTimeout || took < deadline-early || took > deadline+lateness {
						t.Errorf("%d after %s (%v, %.80s)", out.status, took, err, out.text)
					}
				})
			}
		}
		t.Run(host+"/quick", func(t *testing.T) {
			t.Parallel()
			out, err := w.try(ask{host: host, path: "/quick", method: "POST", body: bodies["3 MB"]})
			if err != nil || out.status != http.StatusOK || out.Backend != "quick" || len(out.Body) != len(bodies["3 MB"]) {
				t.Errorf("%d from %q with %d bytes, %v", out.status, out.Backend, len(out.Body), err)
			}
		})
	}
}

// TestG5SlowUpload: the limit holds while the client still sends, and the answer is the same.
func TestG5SlowUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deadlines(t)
	w.apply()
	for _, path := range []string{"/backend", "/fast", "/hold", "/half-open"} {
		connection, err := net.Dial("tcp", local(w.port))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		_ = connection.SetDeadline(time.Now().Add(10 * time.Second))
		begun := time.Now()
		_, _ = io.WriteString(connection, "POST "+path+" HTTP/1.1\r\nHost: exact.test\r\nContent-Length: 100\r\n\r\n0123456789")
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if took := time.Since(begun); response.StatusCode != http.StatusGatewayTimeout || took > deadline+lateness {
			t.Errorf("%s: %s after %s", path, response.Status, took)
		}
	}
}

// TestG5DeadlineOfGRPC: a gRPC client is told DEADLINE_EXCEEDED, also when its request goes on.
func TestG5DeadlineOfGRPC(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deadlines(t)
	w.apply()
	transport := &http2.Transport{AllowHTTP: true,
		DialTLSContext: func(ctx context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}}
	defer transport.CloseIdleConnections()
	for _, name := range []string{"unary", "stream"} {
		for _, path := range []string{"/backend", "/hold", "/closed", "/half-open"} {
			body := io.Reader(bytes.NewReader(make([]byte, 100)))
			if name == "stream" {
				more, writer := io.Pipe()
				defer writer.Close()
				body = io.MultiReader(body, more)
			}
			request, err := http.NewRequest(http.MethodPost, "http://"+local(w.port)+path, body)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = "exact.test"
			request.Header.Set("Content-Type", "application/grpc")
			request.Header.Set("TE", "trailers")
			begun := time.Now()
			response, err := transport.RoundTrip(request)
			if err != nil {
				t.Fatalf("%s %s: %v", name, path, err)
			}
			_ = response.Body.Close()
			if status := response.Header.Get("grpc-status"); status != "4" || time.Since(begun) > deadline+lateness {
				t.Errorf("%s %s: %s, grpc-status %q after %s", name, path, response.Status, status, time.Since(begun))
			}
		}
	}
}

// TestG5DeadlineOfWebSocket: the limit is that of the handshake. A WebSocket that was opened outlives it.
func TestG5DeadlineOfWebSocket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	holder := proxytest.StartHolder(t)
	w.deadlines(t)
	w.host("held.test", route("held", prefix("/"), limited(&ir.Forward{Targets: []ir.Target{
		w.held(ir.Target{Cluster: w.service("backend"), Weight: 1}, holder)}})))
	w.apply()
	for _, host := range []string{"exact.test", "a.wild.test", "other.test", "held.test"} {
		status, connection, reader := w.open(host, "/")
		if status != http.StatusSwitchingProtocols {
			t.Fatalf("%s: %d", host, status)
		}
		if name, err := reader.ReadString(':'); err != nil {
			t.Fatalf("%s: %q, %v", host, name, err)
		}
		<-time.After(2 * deadline)
		_, _ = io.WriteString(connection, "ping")
		pong := make([]byte, 4)
		if _, err := io.ReadFull(reader, pong); err != nil || string(pong) != "ping" {
			t.Errorf("%s: %q, %v after twice the limit", host, pong, err)
		}
	}
	if asked := holder.Asked(); len(asked) != 1 || asked[0].Limit != "400" {
		t.Errorf("the hold was asked %+v, want the limit to be told", asked)
	}
	for _, host := range []string{"exact.test", "a.wild.test"} {
		begun := time.Now()
		if status, _, _ := w.open(host, "/backend"); status != http.StatusGatewayTimeout || time.Since(begun) > deadline+lateness {
			t.Errorf("%s: %d after %s by a backend that does not answer the handshake", host, status, time.Since(begun))
		}
	}
}

// drip answers at once, and then never ends the answer.
func drip(out http.ResponseWriter, in *http.Request) {
	if strings.EqualFold(in.Header.Get("Upgrade"), "websocket") {
		hang(out, in)
		return
	}
	out.WriteHeader(http.StatusOK)
	for in.Context().Err() == nil {
		_, _ = io.WriteString(out, "drop ")
		out.(http.Flusher).Flush()
		<-time.After(20 * time.Millisecond)
	}
}

// TestG5LimitOfAnAttempt: timeouts.backendRequest covers an attempt until the full answer has been received (Gateway API,
// HTTPRouteTimeouts.backendRequest): an answer that has begun is cut, and so is a request that its client does not end.
func TestG5LimitOfAnAttempt(t *testing.T) {
	w := newWorld(t)
	dripping := server(t, drip)
	picker := proxytest.StartPicker(t, "picker")
	picker.Pick(dripping)
	service := w.cluster(ir.Cluster{Key: serviceKey("dripping"), Protocol: ir.HTTP1}, dripping)
	limited := func(target ir.Target, request *time.Duration, retry *ir.Retry) *ir.Forward {
		return &ir.Forward{Targets: []ir.Target{target}, Timeouts: ir.Timeouts{Request: request, BackendRequest: limit(deadline)}, Retry: retry}
	}
	toService, long := ir.Target{Cluster: service, Weight: 1}, limit(20*deadline)
	hosts := w.everywhere(
		route("alone", prefix("/alone"), limited(toService, nil, nil)),
		route("within", prefix("/within"), limited(toService, long, nil)),
		route("unlimited", prefix("/unlimited"), limited(toService, limit(0), nil)),
		route("retried", prefix("/retried"), limited(toService, long, &ir.Retry{Attempts: 3, Codes: []uint32{503}})),
		route("pool", prefix("/pool"), limited(w.pool("pool", false, picker, dripping), nil, nil)),
		route("upload", prefix("/"), limited(ir.Target{Cluster: w.service("echo"), Weight: 1}, nil, nil)),
	)
	w.apply()
	// Envoy waits a second before it closes a connection of HTTP/1.1.
	transport := &http.Transport{Protocols: &http.Protocols{}}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	for _, host := range hosts[:3] {
		for _, path := range []string{"/alone", "/within", "/unlimited", "/retried", "/pool"} {
			t.Run(host+path, func(t *testing.T) {
				t.Parallel()
				request, err := http.NewRequest(http.MethodGet, "http://"+local(w.port)+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				request.Host = host
				begun := time.Now()
				response, err := transport.RoundTrip(request)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				_, err = io.Copy(io.Discard, response.Body)
				if took := time.Since(begun); response.StatusCode != http.StatusOK || err == nil || took < deadline-early || took > deadline+lateness {
					t.Errorf("%s, %v after %s, want the answer to be cut after %s", response.Status, err, took, deadline)
				}
			})
		}
		t.Run(host+"/upload", func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			out := w.raw("POST / HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 100\r\n\r\n0123456789")
			if took := time.Since(begun); out.status != http.StatusGatewayTimeout || took > deadline+lateness {
				t.Errorf("%d after %s", out.status, took)
			}
		})
	}
}

// TestG5AttemptOfWebSocket: the limit of an attempt is that of the handshake, and what tells the router of it stays in the proxy.
func TestG5AttemptOfWebSocket(t *testing.T) {
	w := newWorld(t)
	dripping := w.cluster(ir.Cluster{Key: serviceKey("dripping"), Protocol: ir.HTTP1}, server(t, drip))
	echo := w.service("echo")
	of := func(key ir.ClusterKey, attempt time.Duration) *ir.Forward {
		f := to(key)
		f.Timeouts.BackendRequest = limit(attempt)
		return f
	}
	hosts := w.everywhere(
		route("mute", prefix("/mute"), of(dripping, deadline)), route("short", prefix("/short"), of(echo, lateness)), route("long",
			prefix("/"), of(echo, time.Minute)))
	w.apply()
	var opened []net.Conn
	for _, host := range hosts[:3] {
		begun := time.Now()
		if status, _, _ := w.open(host, "/mute"); status != http.StatusGatewayTimeout || time.Since(begun) > deadline+lateness {
			t.Errorf("%s: %d after %s by a backend that does not answer the handshake", host, status, time.Since(begun))
		}
		status, connection, reader := w.open(host, "/short")
		if name, err := reader.ReadString(':'); status != http.StatusSwitchingProtocols || err != nil {
			t.Fatalf("%s: %d, %q, %v", host, status, name, err)
		}
		opened = append(opened, connection)
		for name := range w.do(ask{host: host}).Headers {
			if strings.HasPrefix(name, "X-Envoy-Upstream") {
				t.Errorf("%s: the backend sees %s", host, name)
			}
		}
	}
	<-time.After(lateness + deadline)
	for i, connection := range opened {
		pong := make([]byte, 4)
		_, _ = io.WriteString(connection, "ping")
		if _, err := io.ReadFull(connection, pong); err != nil || string(pong) != "ping" {
			t.Errorf("%s: %q, %v after the limit", hosts[i], pong, err)
		}
	}
}

// open asks for a WebSocket.
func (w *world) open(host, path string) (status int, connection net.Conn, reader *bufio.Reader) {
	w.t.Helper()
	connection, err := net.Dial("tcp", local(w.port))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = connection.Close() })
	_ = connection.SetDeadline(time.Now().Add(10 * time.Second))
	_, err = io.WriteString(connection, "GET "+path+" HTTP/1.1\r\nHost: "+host+
		"\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n")
	if err != nil {
		w.t.Fatal(err)
	}
	reader = bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return response.StatusCode, connection, reader
}

// TestPickerHangsAtTheAnswer: without a limit of its rule, an answer whose picker hangs waits for five
// seconds, and then goes on to its client if the pool fails open.
func TestPickerHangsAtTheAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pod := echo(t, "pod")
	late := proxytest.StartPicker(t, "late")
	late.Pick(pod)
	late.Hang(1)
	w.host("late.test",
		route("closed", prefix("/closed"), &ir.Forward{Targets: []ir.Target{w.pool("closed", false, late, pod)}}),
		route("open", prefix("/open"), &ir.Forward{Targets: []ir.Target{w.pool("open", true, late, pod)}}))
	w.apply()
	for path, status := range map[string]int{"/closed": http.StatusGatewayTimeout, "/open": http.StatusOK} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			out := w.expect(ask{host: "late.test", path: path}, status, "")
			if took := time.Since(begun); took < 4500*time.Millisecond {
				t.Errorf("%d after %s", out.status, took)
			}
		})
	}
}
