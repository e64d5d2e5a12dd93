package translate_test

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
)

// kept is a connection that stays open between requests.
type kept struct {
	net.Conn
	reader *bufio.Reader
}

func (c *clients) keep(door string) *kept {
	c.t.Helper()
	connection, err := net.Dial("tcp", local(c.ports[door]))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = connection.Close() })
	_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
	return &kept{connection, bufio.NewReader(connection)}
}

// ask sends one request, and reports whether the proxy means to close the connection behind its answer.
func (k *kept) ask(t *testing.T, text string) (out answer, closes bool) {
	t.Helper()
	if _, err := io.WriteString(k, text); err != nil {
		t.Fatal(err)
	}
	out, closes, err := readAnswer(k.reader)
	if err != nil {
		t.Fatal(err)
	}
	return out, closes
}

// TestClientSettingsChange: new connections have new settings at once. Open ones keep the old ones, are told to close with the
// answer to their next request, and lose no request.
func TestClientSettingsChange(t *testing.T) {
	changes := map[string]func(l *ir.Listener){
		"trusted hops":   func(l *ir.Listener) { l.Chains[0].Client.TrustedHops = 1 },
		"trusted ranges": func(l *ir.Listener) { l.Chains[0].Client.TrustedCIDRs = []string{"127.0.0.0/8"} },
		"PROXY protocol": func(l *ir.Listener) { l.ProxyProtocol = ir.RequiredProxyProtocol },
		"a limit":        func(l *ir.Listener) { l.Chains[0].Client.MaxBodyBytes = 1 << 20 },
	}
	c := newClients(t)
	backend := c.service("backend")
	for name := range changes {
		c.door(name, ir.Client{}, ir.NoProxyProtocol, backend)
	}
	c.apply()
	for name, change := range changes {
		t.Run(name, func(t *testing.T) { c.changes(t, name, change) })
	}
}

func (c *clients) changes(t *testing.T, door string, change func(l *ir.Listener)) {
	const ask = "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"
	open := c.keep(door)
	if out, closes := open.ask(t, ask); out.Backend == "" || closes {
		t.Fatalf("before the change: %+v, closes %v", out, closes)
	}
	port := c.ports[door]
	after := ir.Listener{Port: port, Transport: ir.TCP, Chains: []ir.Chain{{ID: strconv.Itoa(int(port))}}}
	change(&after)
	c.listener(after)
	c.apply()
	if out, closes := open.ask(t, ask); out.Headers.Get("X-Envoy-External-Address") != stranger || !closes {
		t.Errorf("an open connection: address %q, closes %v", out.Headers.Get("X-Envoy-External-Address"), closes)
	}
	if _, err := open.reader.ReadByte(); err != io.EOF {
		t.Errorf("the connection is not closed: %v", err)
	}
	header, want := "", stranger
	if after.ProxyProtocol != ir.NoProxyProtocol {
		header = version1
	}
	if header != "" || after.Chains[0].Client.Trusting() {
		want = "203.0.113.9"
	}
	if out, _ := c.keep(door).ask(t, header+ask); out.Headers.Get("X-Envoy-External-Address") != want {
		t.Errorf("a new connection: address %q, want %q", out.Headers.Get("X-Envoy-External-Address"), want)
	}
}
