package translate_test

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/translate"
)

const (
	signature2 = "\r\n\r\n\x00\r\nQUIT\n"
	local2     = 0x20 // version and command of a PROXY header of version 2
	proxied2   = 0x21
	tcp4, tcp6 = 0x11, 0x21 // family and transport
	unix2      = 0x31
	unspecific = 0x00
)

// version2 is a PROXY header of version 2.
func version2(command, family byte, body []byte) string {
	out := append([]byte(signature2), command, family)
	out = binary.BigEndian.AppendUint16(out, uint16(len(body)))
	return string(append(out, body...))
}

// addresses2 are source and destination in a header of version 2.
func addresses2(source, destination string) []byte {
	from, to := netip.MustParseAddrPort(source), netip.MustParseAddrPort(destination)
	out := append(from.Addr().AsSlice(), to.Addr().AsSlice()...)
	out = binary.BigEndian.AppendUint16(out, from.Port())
	return binary.BigEndian.AppendUint16(out, to.Port())
}

// tlv is a field behind the addresses of version 2.
func tlv(kind byte, value []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{kind}, uint16(len(value))), value...)
}

const (
	source4, source6 = "203.0.113.9:4711", "[2001:db8::9]:4711"
	target4, target6 = "192.0.2.1:443", "[2001:db8::1]:443"
	version1         = "PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n"
)

// bytewise is a text in pieces of one byte.
func bytewise(text string) (out []string) {
	for i := range len(text) {
		out = append(out, text[i:i+1])
	}
	return out
}

// proxyCase is what a connection begins with, and what becomes of its request; no client: the connection is closed without one.
type proxyCase struct {
	name, door, from string
	header           []string // the request comes behind it
	headers          []string // of the request
	client, proto    string
}

// proxyCases are those of docs/clients-address.md.
func proxyCases() []proxyCase {
	four, six := addresses2(source4, target4), addresses2(source6, target6)
	with := func(more ...[]byte) []byte { return bytes.Join(append([][]byte{four}, more...), nil) }
	one := func(header string) []string { return []string{header} }
	return []proxyCase{
		{"version 1", "required", "", one(version1), nil, "203.0.113.9", "http"},
		{"version 1, IPv6", "required", "", one("PROXY TCP6 2001:db8::9 2001:db8::1 4711 443\r\n"), nil, "2001:db8::9", "http"},
		{"version 1, unknown", "required", "", one("PROXY UNKNOWN\r\n"), nil, stranger, "http"},
		{"version 2", "required", "", one(version2(proxied2, tcp4, four)), nil, "203.0.113.9", "http"},
		{"version 2, IPv6", "required", "", one(version2(proxied2, tcp6, six)), nil, "2001:db8::9", "http"},
		{"version 2, LOCAL", "required", "", one(version2(local2, unspecific, nil)), nil, stranger, "http"},
		{"version 2, LOCAL with addresses", "required", "", one(version2(local2, tcp4, four)), nil, stranger, "http"},
		{"version 2 with fields", "required", "", one(version2(proxied2, tcp4, with(tlv(1, []byte("h2")), tlv(0xea, []byte("vpce-1"))))),
			nil, "203.0.113.9", "http"},
		{"version 2 with 60 KiB of fields", "required", "", one(version2(proxied2, tcp4, with(tlv(0xea, make([]byte, 60<<10))))),
			nil, "203.0.113.9", "http"},
		{"version 1 byte by byte", "required", "", bytewise(version1), nil, "203.0.113.9", "http"},
		{"version 2 byte by byte", "required", "", bytewise(version2(proxied2, tcp4, with(tlv(1, []byte("h2"))))), nil, "203.0.113.9", "http"},
		{"forged headers behind it", "required", "", one(version1),
			[]string{"X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https"}, "203.0.113.9", "http"},

		{"none", "required", "", nil, nil, "", ""},
		{"two", "required", "", one(version1 + version1), nil, "", ""},
		{"version 1 without its end", "required", "", one(strings.TrimSuffix(version1, "\r\n")), nil, "", ""},
		{"version 1 longer than 107 bytes", "required", "", one("PROXY UNKNOWN " + strings.Repeat("f", 200) + "\r\n"), nil, "", ""},
		{"version 1 with a name", "required", "", one("PROXY TCP4 client.test 192.0.2.1 4711 443\r\n"), nil, "", ""},
		{"version 1 with a port too large", "required", "", one("PROXY TCP4 203.0.113.9 192.0.2.1 70000 443\r\n"), nil, "", ""},
		{"version 1 with IPv6 as IPv4", "required", "", one("PROXY TCP4 2001:db8::9 2001:db8::1 4711 443\r\n"), nil, "", ""},
		{"version 1 without ports", "required", "", one("PROXY TCP4 203.0.113.9 192.0.2.1\r\n"), nil, "", ""},
		{"version 1 with a multicast address", "required", "", one("PROXY TCP4 224.0.0.1 192.0.2.1 4711 443\r\n"), nil, "", ""},
		{"version 2 shorter than its addresses", "required", "", one(version2(proxied2, tcp4, four[:6])), nil, "", ""},
		{"version 2 of a UNIX socket", "required", "", one(version2(proxied2, unix2, make([]byte, 216))), nil, "", ""},
		{"version 2 of no family", "required", "", one(version2(proxied2, unspecific, nil)), nil, "", ""},
		{"version 3", "required", "", one(version2(0x31, tcp4, four)), nil, "", ""},
		{"version 2 with another signature", "required", "", one(strings.Replace(version2(proxied2, tcp4, four), "QUIT", "QUIZ", 1)),
			nil, "", ""},

		{"optional, version 1", "optional", "", one(version1), nil, "203.0.113.9", "http"},
		{"optional, version 2", "optional", "", one(version2(proxied2, tcp4, four)), nil, "203.0.113.9", "http"},
		{"optional, none", "optional", "", nil, nil, stranger, "http"},
		{"optional, a broken one", "optional", "", one("PROXY TCP4 client.test 192.0.2.1 4711 443\r\n"), nil, "", ""},

		{"not asked for, version 1", "plain", "", one(version1), nil, "", ""},
		{"not asked for, version 2", "plain", "", one(version2(proxied2, tcp4, four)), nil, "", ""},

		{"and one hop", "required, 1 hop", "", one("PROXY TCP4 198.51.100.7 192.0.2.1 4711 443\r\n"),
			[]string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https"}, "203.0.113.9", "https"},
		{"and a trusted range", "required, ranges", "", one("PROXY TCP4 10.1.2.3 192.0.2.1 4711 443\r\n"),
			[]string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https"}, "203.0.113.9", "https"},
		{"of a stranger, through a trusted balancer", "required, ranges", balancer, one("PROXY TCP4 198.51.100.7 192.0.2.1 4711 443\r\n"),
			[]string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https"}, "198.51.100.7", "http"},
	}
}

// TestProxyProtocol: the address in a PROXY header is that of the connection, and a broken header closes the connection.
func TestProxyProtocol(t *testing.T) {
	c := newClients(t)
	backend := c.service("backend")
	c.door("required", ir.Client{}, ir.RequiredProxyProtocol, backend)
	c.door("optional", ir.Client{}, ir.OptionalProxyProtocol, backend)
	c.door("plain", ir.Client{}, ir.NoProxyProtocol, backend)
	c.door("required, 1 hop", ir.Client{TrustedHops: 1}, ir.RequiredProxyProtocol, backend)
	c.door("required, ranges", ir.Client{TrustedCIDRs: trustedRanges}, ir.RequiredProxyProtocol, backend)
	c.apply()
	for i, p := range proxyCases() {
		t.Run(p.name, func(t *testing.T) {
			path := "/" + strconv.Itoa(i)
			out, err := c.send(p.door, p.from, append(p.header, asking(path, p.headers...))...)
			switch {
			case p.client == "" && out.Backend != "":
				t.Fatalf("the backend got the request: %+v", out.echoed)
			case p.client == "":
				return
			case err != nil || out.Backend == "":
				t.Fatalf("%v, status %d", err, out.status)
			}
			if got := out.Headers.Get("X-Envoy-External-Address"); got != p.client {
				t.Errorf("the backend is told the address %q, want %q", got, p.client)
			}
			if got := c.loggedClient(path); got != p.client {
				t.Errorf("the log has the address %q, want %q", got, p.client)
			}
			if got := out.Headers.Get("X-Forwarded-Proto"); got != p.proto {
				t.Errorf("the backend is told the scheme %q, want %q", got, p.proto)
			}
		})
	}
}

// TestProxyProtocolBelowHTTP: connections of TCP, and of TLS that is passed through, lose their PROXY header on the way, and it
// chooses no server name. Without the setting it is data.
func TestProxyProtocolBelowHTTP(t *testing.T) {
	c := newClients(t)
	key := c.cluster(ir.Cluster{Key: serviceKey("stream"), Protocol: ir.HTTP1}, firstLine(t))
	forward := &ir.L4Forward{Targets: []ir.L4Target{{Cluster: key, Weight: 1}}}
	for name, header := range map[string]ir.ProxyProtocol{
		"required": ir.RequiredProxyProtocol, "optional": ir.OptionalProxyProtocol, "plain": ir.NoProxyProtocol,
	} {
		c.ports[name] = uint32(proxytest.Port(t))
		c.listener(ir.Listener{Port: c.ports[name], Transport: ir.TCP, ProxyProtocol: header,
			Chains: []ir.Chain{{ID: strconv.Itoa(int(c.ports[name])), Forward: forward}}})
	}
	c.apply()
	for _, p := range []struct{ door, sent, want, client string }{
		{"required", version1 + "hello\n", "hello", "203.0.113.9"},
		{"required", version2(proxied2, tcp6, addresses2(source6, target6)) + "hallo\n", "hallo", "2001:db8::9"},
		{"required", "hello\n", "", ""},
		{"optional", "moin moin moin\n", "moin moin moin", stranger},
		{"optional", version1 + "salut\n", "salut", "203.0.113.9"},
		{"plain", version1 + "hello\n", strings.TrimSpace(version1), stranger},
	} {
		if got := c.line(p.door, p.sent); got != p.want {
			t.Errorf("%s, %q: the backend saw %q, want %q", p.door, p.sent, got, p.want)
		}
		if port := strconv.Itoa(int(c.ports[p.door])); p.client != "" && !c.connected(port, p.client) {
			t.Errorf("%s, %q: no connection of %s in the log", p.door, p.sent, p.client)
		}
	}
}

// firstLine is a server that says the first line that it hears.
func firstLine(t *testing.T) string {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
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
			go func() {
				defer connection.Close()
				if line, err := bufio.NewReader(connection).ReadString('\n'); err == nil {
					fmt.Fprint(connection, strings.TrimSpace(line))
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// line is what the server behind a door heard first, "" when the connection was closed.
func (c *clients) line(door, sent string) string {
	connection, err := net.Dial("tcp", local(c.ports[door]))
	if err != nil {
		c.t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(connection, sent); err != nil {
		return ""
	}
	heard, _ := io.ReadAll(connection)
	return string(heard)
}

// connected waits for a connection of the client in the access log of a chain.
func (c *clients) connected(chain, client string) bool {
	address := cmp.Or(map[bool]string{true: "[" + client + "]"}[strings.Contains(client, ":")], client)
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for _, line := range strings.Split(c.proxy.Output(), "\n") {
			if strings.Contains(line, `"chain":"`+chain+`"`) && strings.Contains(line, `"client":"`+address+":") {
				return true
			}
		}
	}
	return false
}

// TestProxyProtocolBeforeTLS: the header comes before the first message of TLS, whose server name chooses the chain.
func TestProxyProtocolBeforeTLS(t *testing.T) {
	c := newClients(t)
	keys := proxytest.NewKeys(t)
	port := uint32(proxytest.Port(t))
	id := strconv.Itoa(int(port)) + "/a.test"
	c.ports["tls"] = port
	c.listener(ir.Listener{Port: port, Transport: ir.TCP, ProxyProtocol: ir.RequiredProxyProtocol, Chains: []ir.Chain{{
		ID: id, SNI: "a.test", TLS: &ir.ServerTLS{Certificates: []string{"a"}}, Client: ir.Client{TrustedCIDRs: trustedRanges},
	}}})
	c.secret("a", keys, "a.test")
	routes := []ir.Route{route("r", prefix("/"), to(c.service("backend")))}
	scope, table, err := translate.Host(ir.Host{Chain: id, Hostname: "a.test", Routes: routes})
	if err != nil {
		t.Fatal(err)
	}
	c.add(scope, table)
	c.apply()
	for source, want := range map[string][2]string{"198.51.100.7": {"198.51.100.7", "https"}, "10.1.2.3": {"203.0.113.9", "http"}} {
		out := c.secured(keys, fmt.Sprintf("PROXY TCP4 %s 192.0.2.1 4711 443\r\n", source),
			asking("/", "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: http"))
		if got := [2]string{out.Headers.Get("X-Envoy-External-Address"), out.Headers.Get("X-Forwarded-Proto")}; got != want {
			t.Errorf("from %s: the backend is told %q, want %q", source, got, want)
		}
	}
}

// secured sends a PROXY header, and a request over TLS behind it.
func (c *clients) secured(keys *proxytest.Keys, header, request string) answer {
	c.t.Helper()
	connection, err := net.Dial("tcp", local(c.ports["tls"]))
	if err != nil {
		c.t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(connection, header); err != nil {
		c.t.Fatal(err)
	}
	encrypted := tls.Client(connection, &tls.Config{RootCAs: keys.Pool(), ServerName: "a.test", MinVersion: tls.VersionTLS13})
	if _, err := io.WriteString(encrypted, request); err != nil {
		c.t.Fatal(err)
	}
	out, _, err := readAnswer(bufio.NewReader(encrypted))
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}
