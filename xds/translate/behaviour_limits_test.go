package translate_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
)

// counting is a backend that reads bodies and counts their bytes.
func counting(t *testing.T) (address string, bytes *atomic.Int64) {
	bytes = &atomic.Int64{}
	return server(t, func(out http.ResponseWriter, in *http.Request) {
		buffer := make([]byte, 32<<10)
		for {
			n, err := in.Body.Read(buffer)
			bytes.Add(int64(n))
			if err != nil {
				break
			}
		}
		fmt.Fprint(out, `{"Backend":"counting"}`)
	}), bytes
}

// maxBody is the limit of the tests.
const maxBody = 1 << 20

// bodyDoors are doors with and without a limit of bodies, to a backend that counts their bytes.
type bodyDoors struct {
	*clients
	received *atomic.Int64
}

// TestMaxRequestBody: a body beyond the limit is answered 413, one that says its size before any of it is read, and one of
// chunks when it exceeds the limit. What came before has streamed to the backend.
func TestMaxRequestBody(t *testing.T) {
	address, received := counting(t)
	l := bodyDoors{newClients(t), received}
	backend := l.cluster(ir.Cluster{Key: serviceKey("counting"), Protocol: ir.HTTP1}, address)
	l.door("limited", ir.Client{MaxBodyBytes: maxBody}, ir.NoProxyProtocol, backend)
	l.door("unlimited", ir.Client{}, ir.NoProxyProtocol, backend)
	// Messages of a WebSocket are no body.
	port, chain := l.port, ir.Chain{ID: l.chain, Client: ir.Client{MaxBodyBytes: 1}}
	l.instead(ir.Listener{Port: port, Transport: ir.TCP, Chains: []ir.Chain{chain}})
	l.host("a.test", route("r", prefix("/"), to(l.service("service"))))
	l.apply()
	t.Run("HTTP/1.1", l.bodies)
	t.Run("the beginning streams", l.streams)
	t.Run("HTTP/2", l.over2)
	if got := l.upgrade("a.test"); got != "service:ping" {
		t.Errorf("WebSocket: %q", got)
	}
}

func (l bodyDoors) bodies(t *testing.T) {
	sized := func(n int) string {
		return fmt.Sprintf("POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", n)
	}
	for _, b := range []struct {
		name, door, request string
		status              int
	}{
		{"as large as the limit", "limited", sized(maxBody) + strings.Repeat("x", maxBody), 200},
		{"one byte more", "limited", sized(maxBody + 1), 413}, // no byte is sent
		{"as large as the limit, in chunks", "limited", chunked(maxBody), 200},
		{"one byte more, in chunks", "limited", chunked(maxBody + 1), 413},
		{"none", "limited", asking("/"), 200},
		{"much more, in chunks, without a limit", "unlimited", chunked(8 * maxBody), 200},
	} {
		before := l.received.Load()
		out, err := l.send(b.door, "", b.request)
		if err != nil || out.status != b.status {
			t.Errorf("%s: %v, status %d, want %d", b.name, err, out.status, b.status)
		}
		if got := l.received.Load() - before; b.door == "limited" && got > maxBody {
			t.Errorf("%s: the backend got %d bytes", b.name, got)
		}
	}
	if got := l.received.Load(); got < maxBody {
		t.Errorf("the backend got %d bytes", got)
	}
}

// chunked is a request with n bytes of body in chunks of 16 KiB.
func chunked(n int) string {
	var out strings.Builder
	out.WriteString("POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
	for n > 0 {
		size := min(n, 16<<10)
		fmt.Fprintf(&out, "%x\r\n%s\r\n", size, strings.Repeat("x", size))
		n -= size
	}
	out.WriteString("0\r\n\r\n")
	return out.String()
}

// streams: with a limit, too, the backend gets the beginning of a body before its end is sent.
func (l bodyDoors) streams(t *testing.T) {
	const begun = 64 << 10
	before := l.received.Load()
	connection := l.keep("limited")
	fmt.Fprintf(connection, "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: %d\r\n\r\n%s", maxBody, strings.Repeat("x", begun))
	for end := time.Now().Add(10 * time.Second); l.received.Load()-before < begun; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the backend got %d bytes of the %d that were sent", l.received.Load()-before, begun)
		}
	}
}

// over2: the other requests of a connection go on.
func (l bodyDoors) over2(t *testing.T) {
	client := over2(stranger)
	defer client.CloseIdleConnections()
	post := func(body io.Reader) int {
		response, err := client.Post("http://"+local(l.ports["limited"])+"/", "", body)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	large := strings.Repeat("x", maxBody+1)
	for name, body := range map[string]io.Reader{
		"sized": strings.NewReader(large), "of unknown size": io.MultiReader(strings.NewReader(large)),
	} {
		if got := post(body); got != 413 {
			t.Errorf("%s: %d", name, got)
		}
	}
	if got := post(strings.NewReader(large[:maxBody])); got != 200 {
		t.Errorf("at the limit: %d", got)
	}
}

// TestHeaderLimits: what the parameters say about the headers of a request, and the time that they take.
func TestHeaderLimits(t *testing.T) {
	c := newClients(t)
	backend := c.cluster(ir.Cluster{Key: serviceKey("quiet"), Protocol: ir.HTTP1}, h2server(t, func(out http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(out, `{"Backend":"quiet"}`)
	}))
	c.door("small", ir.Client{MaxHeaderKiB: 2, MaxHeaders: 20}, ir.NoProxyProtocol, backend)
	c.door("large", ir.Client{MaxHeaderKiB: 256, MaxHeaders: 1900}, ir.NoProxyProtocol, backend)
	c.door("default", ir.Client{}, ir.NoProxyProtocol, backend)
	c.door("quick", ir.Client{HeadersTimeout: time.Second, IdleTimeout: time.Second}, ir.NoProxyProtocol, backend)
	c.apply()
	sized := func(kib int) string { return asking("/", "X-Large: "+strings.Repeat("x", kib<<10)) }
	many := func(n int) string {
		headers := make([]string, n)
		for i := range headers {
			headers[i] = "X-" + strconv.Itoa(i) + ": y"
		}
		return asking("/", headers...)
	}
	for _, h := range []struct {
		door, request string
		status        int
	}{
		{"small", sized(1), 200}, {"small", sized(3), 431}, {"small", many(10), 200}, {"small", many(30), 431},
		{"default", sized(50), 200}, {"default", sized(61), 431}, {"default", many(900), 200}, {"default", many(1100), 431},
		{"large", sized(200), 200}, {"large", sized(257), 431}, {"large", many(1800), 200}, {"large", many(2000), 431},
	} {
		if out, err := c.send(h.door, "", h.request); err != nil || out.status != h.status {
			t.Errorf("%s, %.60q...: %v, status %d, want %d (%s %v)", h.door, h.request, err, out.status, h.status, out.text, out.header)
		}
	}
	if out, err := c.send("quick", "", "GET / HTTP/1.1\r\nHost: a.test\r\n"); err != nil || out.status != http.StatusRequestTimeout {
		t.Errorf("headers without an end: %v, status %d", err, out.status)
	}
	quick := c.keep("quick")
	quick.ask(t, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
	if _, err := quick.reader.ReadByte(); err != io.EOF { // after a drain of 5 s, Envoy's own
		t.Errorf("a connection without a request is not closed: %v", err)
	}
}
