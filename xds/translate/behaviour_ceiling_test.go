package translate_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

// large is a body that is not the same anywhere.
func large(size int) string { return largest()[:size] }

// largest is made once: the race detector makes a loop over so many bytes take seconds.
var largest = sync.OnceValue(func() string {
	random := rand.NewChaCha8([32]byte{})
	bytes := make([]byte, largestSize/2)
	_, _ = random.Read(bytes)
	return hex.EncodeToString(bytes)
})

// largestSize is more than any test sends.
const largestSize = 66 << 20

func digest(r io.Reader) string {
	hash := sha256.New()
	_, _ = io.Copy(hash, r)
	return hex.EncodeToString(hash.Sum(nil))
}

// digester answers 503 to the attempts below good, and to the others with the digest of the body.
func digester(t *testing.T, good int64) (address string, attempts *atomic.Int64) {
	t.Helper()
	attempts = &atomic.Int64{}
	return server(t, func(out http.ResponseWriter, in *http.Request) {
		sum := digest(in.Body)
		if attempts.Add(1) < good {
			out.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(out, sum)
	}), attempts
}

// bodySizes are those of prompts, media and uploads: beyond a megabyte, where Envoy by itself stops to keep them.
var bodySizes = []int{0, 1 << 10, 1030 << 10, 3 << 20, 12 << 20, 40 << 20}

// TestG6RetriesOfLargeBodies: retries that a user asks for are made with large bodies as well, and each
// attempt has the whole body.
func TestG6RetriesOfLargeBodies(t *testing.T) {
	w := newWorld(t)
	counts := map[string]*atomic.Int64{}
	var own, overlaid []ir.Route
	rule := func(name string) *ir.Forward {
		address, attempts := digester(t, 3)
		counts[name] = attempts
		return to(w.cluster(ir.Cluster{Key: serviceKey(name), Protocol: ir.HTTP1}, address))
	}
	for _, size := range bodySizes {
		name := strconv.Itoa(size)
		f := rule("own-" + name)
		f.Retry = &ir.Retry{Attempts: 2, Codes: []uint32{503}}
		own = append(own, route(name, exactPath("/"+name), f))
		overlaid = append(overlaid, route(name, exactPath("/"+name), rule("gateway-"+name)))
	}
	w.host("own.test", own...)
	w.fieldsHost("gateway.test", `{"retry_policy":{"retry_on":"5xx","num_retries":2}}`, overlaid...)
	w.apply()
	for _, size := range bodySizes {
		body, name := large(size), strconv.Itoa(size)
		for _, from := range []string{"own", "gateway"} {
			out := w.do(ask{host: from + ".test", path: "/" + name, method: "POST", body: body})
			if n := counts[from+"-"+name].Load(); out.status != 200 || out.text != digest(strings.NewReader(body)) || n != 3 {
				t.Errorf("%s, %d bytes: %d after %d attempts (%.80s)", from, size, out.status, n, out.text)
			}
		}
	}
}

// TestG6BeyondTheBuffer: a body that is larger than what is kept is sent once, and whole.
func TestG6BeyondTheBuffer(t *testing.T) {
	w := newWorld(t)
	address, attempts := digester(t, 1)
	f := to(w.cluster(ir.Cluster{Key: serviceKey("web"), Protocol: ir.HTTP1}, address))
	f.Retry = &ir.Retry{Attempts: 2, Codes: []uint32{503}}
	w.host("large.test", route("large", prefix("/"), f))
	w.apply()
	body := large(65 << 20)
	if out := w.do(ask{host: "large.test", method: "POST", body: body}); out.status != 200 || out.text != digest(strings.NewReader(body)) ||
		attempts.Load() != 1 {
		t.Errorf("%d after %d attempts (%.80s)", out.status, attempts.Load(), out.text)
	}
}

// TestG6ListOfAPicker: the next endpoint of a picker's list gets a large body, too.
func TestG6ListOfAPicker(t *testing.T) {
	w := newWorld(t)
	picker := proxytest.StartPicker(t, "picker")
	address, _ := digester(t, 1)
	dead := closedPort(t)
	picker.Pick(dead + "," + address)
	f := &ir.Forward{Targets: []ir.Target{w.pool("pool", false, picker, address, dead)}, Retry: &ir.Retry{Attempts: 2}}
	w.host("pool.test", route("pool", prefix("/"), f))
	w.apply()
	for _, size := range []int{3 << 20, 12 << 20} {
		body := large(size)
		if out := w.do(ask{host: "pool.test", method: "POST", body: body}); out.status != 200 || out.text != digest(strings.NewReader(body)) {
			t.Errorf("%d bytes: %d (%.80s)", size, out.status, out.text)
		}
	}
}

// TestG6AfterAHold: a body that was released before the Pod takes connections waits for it. One that is larger
// than what is kept of it is told to come again.
func TestG6AfterAHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	address, _ := digester(t, 1)
	target := w.held(ir.Target{Cluster: w.cluster(ir.Cluster{Key: serviceKey("web"), Protocol: ir.HTTP1}, closedPort(t)), Weight: 1}, nil)
	w.host("held.test", route("held", prefix("/"), &ir.Forward{Targets: []ir.Target{target}}))
	w.apply()
	if out := w.do(ask{host: "held.test", method: "POST", body: large(12 << 20)}); out.status != 503 || out.header.Get("Retry-After") != "5" {
		t.Errorf("12 MiB: %d, %v (%.80s)", out.status, out.header, out.text)
	}
	body := large(200 << 10)
	answered := make(chan answer, 1)
	go func() { answered <- w.do(ask{host: "held.test", method: "POST", body: body}) }()
	gomega.NewWithT(t).Eventually(func() string { return w.admin("/clusters") }, 10*time.Second).
		Should(gomega.MatchRegexp(`test/web/80.*::cx_connect_fail::[4-9]`), "attempts that are refused")
	w.endpoints(target.Cluster, address)
	w.apply()
	if out := <-answered; out.status != 200 || out.text != digest(strings.NewReader(body)) {
		t.Errorf("%d (%.80s)", out.status, out.text)
	}
}

// allocated is the memory that the proxy uses.
func (w *world) allocated() int {
	found := regexp.MustCompile(`"allocated": "(\d+)"`).FindStringSubmatch(w.admin("/memory"))
	if found == nil {
		w.t.Error("no memory")
		return 0
	}
	bytes, _ := strconv.Atoi(found[1])
	return bytes
}

// admin asks the proxy itself.
func (w *world) admin(path string) string {
	w.t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", w.proxy.AdminSocket)
	}}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get("http://admin" + path)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return string(text)
}

// TestG6Mirrors: a mirror gets the whole of a large body.
func TestG6Mirrors(t *testing.T) {
	w := newWorld(t)
	address, _ := digester(t, 1)
	copies := make(chan string, 1)
	sink := w.cluster(ir.Cluster{Key: serviceKey("sink"), Protocol: ir.HTTP1}, server(t, func(_ http.ResponseWriter, in *http.Request) {
		copies <- digest(in.Body)
	}))
	for _, retry := range []*ir.Retry{nil, {Attempts: 2, Codes: []uint32{503}}} {
		f := to(w.cluster(ir.Cluster{Key: serviceKey("web"), Protocol: ir.HTTP1}, address))
		f.Filters.Mirrors, f.Retry = []ir.Mirror{{Cluster: sink, Numerator: 100, Denominator: 100}}, retry
		w.host("mirror.test", route("mirror", prefix("/"), f))
		w.apply()
		body := large(12 << 20)
		w.expect(ask{host: "mirror.test", method: "POST", body: body}, 200, "")
		select {
		case got := <-copies:
			if got != digest(strings.NewReader(body)) {
				t.Errorf("retry %v: the copy is another body", retry)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("retry %v: no copy", retry)
		}
	}
}

// TestG6Headers: as many headers as the page of limits says pass in both directions, and one more is refused.
func TestG6Headers(t *testing.T) {
	w := newWorld(t)
	for _, protocol := range []ir.Protocol{ir.HTTP1, ir.HTTP2} {
		name := "p" + strings.ToLower(string(protocol))
		w.host(name+".test", route("headers", prefix("/"), to(w.cluster(ir.Cluster{Key: serviceKey(name), Protocol: protocol}, headerEcho(t)))))
	}
	w.apply()
	refused := map[ir.Protocol]int{ir.HTTP1: 502, ir.HTTP2: 503}
	for _, protocol := range []ir.Protocol{ir.HTTP1, ir.HTTP2} {
		host := "p" + strings.ToLower(string(protocol)) + ".test"
		for _, c := range []struct{ headers, size, answers, answerSize, status int }{
			{headers: 150, size: 10, status: 200}, {headers: 900, size: 10, status: 200}, {headers: 1100, size: 10, status: 431},
			{headers: 1, size: 50_000, status: 200}, {headers: 1, size: 70_000, status: 431},
			{answers: 150, answerSize: 10, status: 200}, {answers: 900, answerSize: 10, status: 200},
			{answers: 10, answerSize: 12_000, status: 200},
			{answers: 1100, answerSize: 10, status: refused[protocol]}, {answers: 14, answerSize: 10_000, status: refused[protocol]},
		} {
			headers := map[string]string{"x-answers": strconv.Itoa(c.answers), "x-answer-size": strconv.Itoa(c.answerSize)}
			for i := range c.headers {
				headers["x-h-"+strconv.Itoa(i)] = strings.Repeat("v", c.size)
			}
			out, err := w.try(ask{host: host, headers: headers})
			if err != nil || out.status != c.status {
				t.Errorf("%s %+v: %d, %v", host, c, out.status, err)
			}
		}
	}
}

// headerEcho answers with as many headers as the request asks for.
func headerEcho(t *testing.T) string {
	t.Helper()
	return h2server(t, func(out http.ResponseWriter, in *http.Request) {
		count, _ := strconv.Atoi(in.Header.Get("x-answers"))
		size, _ := strconv.Atoi(in.Header.Get("x-answer-size"))
		for i := range count {
			out.Header().Set("x-a-"+strconv.Itoa(i), strings.Repeat("v", size))
		}
	})
}

// TestG6Datagrams: a UDP listener passes datagrams of every size that there is.
func TestG6Datagrams(t *testing.T) {
	w := newWorld(t)
	port := uint32(proxytest.Port(t))
	backend := w.cluster(ir.Cluster{Key: serviceKey("udp"), Protocol: ir.TCPRaw}, datagramEcho(t))
	w.listener(ir.Listener{Port: port, Transport: ir.UDP, Chains: []ir.Chain{{ID: "udp",
		Forward: &ir.L4Forward{Targets: []ir.L4Target{{Cluster: backend, Weight: 1}}}}}})
	w.apply()
	for _, size := range []int{1, 1400, 1500, 1501, 4096, 9000, 32 << 10, 65507} {
		if got, err := exchanged(local(port), large(size)); err != nil || got != large(size) {
			t.Errorf("%d bytes: %d came back, %v", size, len(got), err)
		}
	}
}

func exchanged(address, sent string) (string, error) {
	connection, err := net.Dial("udp", address)
	if err != nil {
		return "", err
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := io.WriteString(connection, sent); err != nil {
		return "", err
	}
	reply := make([]byte, 1<<16)
	n, err := connection.Read(reply)
	return string(reply[:n]), err
}

func datagramEcho(t *testing.T) string {
	t.Helper()
	connection, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	go func() {
		buffer := make([]byte, 1<<16)
		for {
			n, from, err := connection.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = connection.WriteTo(buffer[:n], from)
		}
	}()
	return connection.LocalAddr().String()
}

// TestG6Events: one event of a stream may be of any size, also when the picker of a pool reads the answers;
// so may what goes over a WebSocket.
func TestG6Events(t *testing.T) {
	w := newWorld(t)
	event := "data: " + large(5<<20) + "\n\n"
	address := server(t, func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "text/event-stream")
		for range 2 {
			_, _ = io.WriteString(out, event)
			out.(http.Flusher).Flush()
		}
	})
	picker := proxytest.StartPicker(t, "picker")
	picker.Pick(address)
	plain := to(w.cluster(ir.Cluster{Key: serviceKey("web"), Protocol: ir.HTTP1}, address))
	pool := w.pool("pool", false, picker, address)
	read := pool
	read.Picker = &ir.Picker{Cluster: pool.Picker.Cluster, ResponseBody: true}
	w.host("events.test", route("plain", prefix("/plain"), plain),
		route("pool", prefix("/pool"), &ir.Forward{Targets: []ir.Target{pool}}),
		route("read", prefix("/read"), &ir.Forward{Targets: []ir.Target{read}}))
	w.host("ws.test", route("echo", prefix("/"), to(w.cluster(ir.Cluster{Key: serviceKey("ws"), Protocol: ir.HTTP1}, server(t, repeat)))))
	w.apply()
	for _, path := range []string{"/plain", "/pool", "/read"} {
		if out := w.do(ask{host: "events.test", path: path}); out.status != 200 || out.text != event+event {
			t.Errorf("%s: %d with %d bytes, want %d", path, out.status, len(out.text), 2*len(event))
		}
	}
	status, connection, reader := w.open("ws.test", "/")
	go func() { _, _ = io.WriteString(connection, event) }()
	back := make([]byte, len(event))
	if _, err := io.ReadFull(reader, back); status != http.StatusSwitchingProtocols || err != nil || string(back) != event {
		t.Errorf("over a WebSocket: %d, %v", status, err)
	}
}

// repeat switches protocols and sends back what comes.
func repeat(out http.ResponseWriter, _ *http.Request) {
	connection, buffer, err := out.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer connection.Close()
	_, _ = io.WriteString(connection, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
	_, _ = io.Copy(connection, buffer)
}

// h2server starts a backend that speaks HTTP/1.1, and HTTP/2 in clear text.
func h2server(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.MaxHeaderBytes = 1 << 20
	server.Config.MaxHeaderValueCount = 2000 // Go allows 500
	server.Config.Protocols = &http.Protocols{}
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}
