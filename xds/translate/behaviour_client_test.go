package translate_test

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// Addresses of peers in the tests: all of 127.0.0.0/8 is the machine. Proxies are trusted by their addresses at the second.
const (
	stranger = "127.0.0.1"
	balancer = "127.0.0.2"
)

var trustedRanges = []string{"10.0.0.0/8", "127.0.0.2/32", "2001:db8:1::/48"}

// clients are listeners with one setting each, in one proxy, with the same routes.
type clients struct {
	*world
	ports map[string]uint32
}

func newClients(t *testing.T) *clients {
	return &clients{world: newWorld(t), ports: map[string]uint32{}}
}

// door adds a listener of HTTP: "/" leads to the backend, "/redirect" to another host with the scheme of the request.
func (c *clients) door(name string, client ir.Client, header ir.ProxyProtocol, backend ir.ClusterKey) {
	c.t.Helper()
	port := uint32(proxytest.Port(c.t))
	chain := strconv.Itoa(int(port))
	c.ports[name] = port
	c.listener(ir.Listener{Port: port, Transport: ir.TCP, ProxyProtocol: header, Chains: []ir.Chain{{ID: chain, Client: client}}})
	scope, table, err := translate.Wildcards(ir.Wildcards{Chain: chain, Hosts: []ir.Host{{Chain: chain, Hostname: "*", Routes: []ir.Route{
		route("redirect", prefix("/redirect"), &ir.Redirect{Hostname: "other.test"}), route("all", prefix("/"), to(backend)),
	}}}})
	if err != nil {
		c.t.Fatal(err)
	}
	c.add(scope, table)
}

// instead replaces a listener that no proxy has yet.
func (c *clients) instead(l ir.Listener) {
	c.t.Helper()
	c.set.Upsert = slices.DeleteFunc(c.set.Upsert, func(r resource.Resource) bool {
		return r.Name == translate.ListenerName(l.Transport, l.Port)
	})
	c.listener(l)
}

// send writes bytes to a door from an address, the pieces one after the other, and reads one answer.
func (c *clients) send(door, from string, pieces ...string) (answer, error) {
	dialer := &net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(cmp.Or(from, stranger))}}
	connection, err := dialer.Dial("tcp", local(c.ports[door]))
	if err != nil {
		return answer{}, err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return answer{}, err
	}
	for i, piece := range pieces {
		if i > 0 {
			time.Sleep(5 * time.Millisecond) // a segment of its own
		}
		if _, err := connection.Write([]byte(piece)); err != nil {
			return answer{}, err
		}
	}
	out, _, err := readAnswer(bufio.NewReader(connection))
	return out, err
}

// readAnswer reads one answer, and reports whether the proxy means to close the connection behind it.
func readAnswer(reader *bufio.Reader) (out answer, closes bool, err error) {
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return answer{}, false, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, false, err
	}
	return answerOf(response, body), response.Close, nil
}

// asking is a request with headers, as it stands.
func asking(path string, headers ...string) string {
	var lines strings.Builder
	for _, header := range headers {
		lines.WriteString(header + "\r\n")
	}
	return fmt.Sprintf("GET %s HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n%s\r\n", path, lines.String())
}

// loggedClient is the address of the client in the access log of the request for a path.
func (c *clients) loggedClient(path string) string {
	address := fmt.Sprint(c.logged(path)["client"])
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

// forwardedCase is what a peer says about a request, and what becomes of it.
type forwardedCase struct {
	name, door, from string
	headers          []string
	// client is the address that the backend is told, and the access log has; proto the scheme that it is told, and redirects have.
	client, proto string
	// kept: the backend sees X-Forwarded-Host, -Port and Forwarded as the peer said them.
	kept bool
}

// forwardedCases are those of docs/clients-address.md.
var forwardedCases = []forwardedCase{
	{"nothing said", "none", "", nil, stranger, "http", false},
	{"an address", "none", "", []string{"X-Forwarded-For: 203.0.113.9"}, stranger, "http", false},
	{"a scheme", "none", "", []string{"X-Forwarded-Proto: https"}, stranger, "http", false},
	{"a scheme, from the balancer", "none", balancer, []string{"X-Forwarded-Proto: https"}, balancer, "http", false},
	{"the address that backends are told", "none", "", []string{"X-Envoy-External-Address: 203.0.113.9"}, stranger, "http", false},

	{"one hop", "1 hop", balancer, []string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https"}, "203.0.113.9", "https", true},
	{"forged before the hop", "1 hop", balancer, []string{"X-Forwarded-For: 1.1.1.1, 203.0.113.9"}, "203.0.113.9", "http", true},
	{"forged in a line of its own", "1 hop", balancer,
		[]string{"X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 203.0.113.9"}, "203.0.113.9", "http", true},
	{"forged address for backends", "1 hop", balancer,
		[]string{"X-Forwarded-For: 203.0.113.9", "X-Envoy-External-Address: 1.1.1.1"}, "203.0.113.9", "http", true},
	{"no address", "1 hop", balancer, []string{"X-Forwarded-Proto: https"}, balancer, "https", true},
	{"an empty address", "1 hop", balancer, []string{"X-Forwarded-For:"}, balancer, "http", true},
	{"no address at all", "1 hop", balancer, []string{"X-Forwarded-For: unknown"}, balancer, "http", true},
	{"IPv6", "1 hop", balancer, []string{"X-Forwarded-For: 2001:db8::9"}, "2001:db8::9", "http", true},
	{"an address with a port", "1 hop", balancer, []string{"X-Forwarded-For: 203.0.113.9:4711"}, balancer, "http", true},
	{"IPv6 with a port", "1 hop", balancer, []string{"X-Forwarded-For: [2001:db8::9]:4711"}, balancer, "http", true},
	{"the scheme in capitals", "1 hop", balancer,
		[]string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: HTTPS"}, "203.0.113.9", "HTTPS", true},
	{"no scheme of HTTP", "1 hop", balancer,
		[]string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: gopher"}, "203.0.113.9", "gopher", true},
	{"two schemes", "1 hop", balancer,
		[]string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https, http"}, "203.0.113.9", "https, http", true},
	{"a stranger past the hop", "1 hop", stranger,
		[]string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https"}, "203.0.113.9", "https", true},

	{"two hops", "2 hops", balancer,
		[]string{"X-Forwarded-For: 203.0.113.9, 198.51.100.7", "X-Forwarded-Proto: https"}, "203.0.113.9", "https", true},
	{"forged before two hops", "2 hops", balancer,
		[]string{"X-Forwarded-For: 1.1.1.1, 203.0.113.9, 198.51.100.7"}, "203.0.113.9", "http", true},
	{"fewer addresses than hops", "2 hops", balancer, []string{"X-Forwarded-For: 203.0.113.9"}, balancer, "http", true},

	{"a trusted range", "ranges", balancer,
		[]string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https"}, "203.0.113.9", "https", true},
	{"two proxies of ranges", "ranges", balancer, []string{"X-Forwarded-For: 203.0.113.9, 10.1.2.3"}, "203.0.113.9", "http", true},
	{"forged before ranges", "ranges", balancer,
		[]string{"X-Forwarded-For: 1.1.1.1, 203.0.113.9, 10.1.2.3"}, "203.0.113.9", "http", true},
	{"forged as a proxy of a range", "ranges", balancer,
		[]string{"X-Forwarded-For: 10.9.9.9, 203.0.113.9, 10.1.2.3"}, "203.0.113.9", "http", true},
	{"all of ranges", "ranges", balancer, []string{"X-Forwarded-For: 10.9.9.9, 10.1.2.3"}, "10.9.9.9", "http", true},
	{"a range without an address", "ranges", balancer, []string{"X-Forwarded-Proto: https"}, balancer, "https", true},
	{"a range with an empty address", "ranges", balancer, []string{"X-Forwarded-For:"}, balancer, "http", true},
	{"a range with no address at all", "ranges", balancer,
		[]string{"X-Forwarded-For: 203.0.113.9, unknown, 10.1.2.3"}, balancer, "http", true},
	{"a range and IPv6", "ranges", balancer, []string{"X-Forwarded-For: 2001:db8::9, 2001:db8:1::5"}, "2001:db8::9", "http", true},
	{"a forged address for backends, of a range", "ranges", balancer,
		[]string{"X-Forwarded-For: 203.0.113.9", "X-Envoy-External-Address: 1.1.1.1"}, "203.0.113.9", "http", true},
	{"a stranger's address", "ranges", stranger, []string{"X-Forwarded-For: 203.0.113.9"}, stranger, "http", false},
	{"a stranger's scheme", "ranges", stranger, []string{"X-Forwarded-Proto: https"}, stranger, "http", false},
	{"a stranger as a proxy of a range", "ranges", stranger,
		[]string{"X-Forwarded-For: 203.0.113.9, 127.0.0.2"}, stranger, "http", false},
}

// TestForwardedHeaders: the address, the scheme and the host of a client are taken from headers of trusted proxies, and of no other peer.
func TestForwardedHeaders(t *testing.T) {
	c := newClients(t)
	backend := c.service("backend")
	c.door("none", ir.Client{}, ir.NoProxyProtocol, backend)
	c.door("1 hop", ir.Client{TrustedHops: 1}, ir.NoProxyProtocol, backend)
	c.door("2 hops", ir.Client{TrustedHops: 2}, ir.NoProxyProtocol, backend)
	c.door("ranges", ir.Client{TrustedCIDRs: trustedRanges}, ir.NoProxyProtocol, backend)
	c.apply()
	for i, f := range forwardedCases {
		t.Run(f.door+"/"+f.name, func(t *testing.T) { c.forwarded(t, "/"+strconv.Itoa(i), f) })
	}
	t.Run("the scheme over HTTP/2", c.schemes)
}

func (c *clients) forwarded(t *testing.T, path string, f forwardedCase) {
	also := []string{"X-Forwarded-Host: said.test", "X-Forwarded-Port: 8443", "Forwarded: for=198.51.100.1;proto=https"}
	headers := append(append([]string{}, f.headers...), also...)
	out, err := c.send(f.door, f.from, asking(path, headers...))
	if err != nil || out.Backend == "" {
		t.Fatalf("%v, status %d", err, out.status)
	}
	if got := out.Headers.Get("X-Envoy-External-Address"); got != f.client {
		t.Errorf("the backend is told the address %q, want %q", got, f.client)
	}
	if got := c.loggedClient(path); got != f.client {
		t.Errorf("the log has the address %q, want %q", got, f.client)
	}
	if got := strings.Join(out.Headers.Values("X-Forwarded-Proto"), ", "); got != f.proto {
		t.Errorf("the backend is told the scheme %q, want %q", got, f.proto)
	}
	for _, header := range also {
		name, value, _ := strings.Cut(header, ": ")
		if got := out.Headers.Get(name); (got == value) != f.kept {
			t.Errorf("the backend sees %s: %q", name, got)
		}
	}
	f.chained(t, out)
	redirected, err := c.send(f.door, f.from, asking("/redirect"+path, headers...))
	if err != nil {
		t.Fatal(err)
	}
	scheme := "http"
	if strings.EqualFold(f.proto, "https") {
		scheme = "https"
	}
	if got := redirected.header.Get("Location"); !strings.HasPrefix(got, scheme+"://other.test") {
		t.Errorf("redirected to %q, want the scheme %s", got, scheme)
	}
}

// chained: the backend sees the addresses that the peer said, and behind them one more, that of the peer.
func (f forwardedCase) chained(t *testing.T, out answer) {
	var before []string
	for _, header := range f.headers {
		if value, found := strings.CutPrefix(header, "X-Forwarded-For:"); found && strings.TrimSpace(value) != "" {
			before = append(before, strings.TrimSpace(value))
		}
	}
	var got []string
	for _, address := range strings.Split(strings.Join(out.Headers.Values("X-Forwarded-For"), ","), ",") {
		got = append(got, strings.TrimSpace(address))
	}
	if those, last := strings.Join(got[:len(got)-1], ", "), got[len(got)-1]; those != strings.Join(before, ", ") || net.ParseIP(last) == nil {
		t.Errorf("the backend sees x-forwarded-for %q of %q", got, before)
	}
}

// schemes: a balancer that speaks HTTP/2 says :scheme for its own connection. The scheme of the client is that of
// x-forwarded-proto.
func (c *clients) schemes(t *testing.T) {
	for _, f := range []struct{ door, from, want string }{
		{"none", balancer, "http"}, {"1 hop", balancer, "https"}, {"ranges", balancer, "https"}, {"ranges", stranger, "http"},
	} {
		client := over2(f.from)
		request, err := http.NewRequest(http.MethodGet, "http://"+local(c.ports[f.door])+"/redirect", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Forwarded-Proto", "https")
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		client.CloseIdleConnections()
		if got := response.Header.Get("Location"); !strings.HasPrefix(got, f.want+"://other.test") {
			t.Errorf("%s from %s: redirected to %q, want %s", f.door, f.from, got, f.want)
		}
	}
}

// over2 is a client of HTTP/2 in clear text, from an address.
func over2(from string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	clear := func(ctx context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
		return dialer.DialContext(ctx, network, address)
	}
	transport := &http2.Transport{AllowHTTP: true, DialTLSContext: clear}
	return &http.Client{
		Transport: transport, Timeout: 5 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// TestForwardedMatch: a rule may ask for the address of the client, whichever way it is known.
func TestForwardedMatch(t *testing.T) {
	c := newClients(t)
	mine, others := c.service("mine"), c.service("others")
	c.door("hops", ir.Client{TrustedHops: 1}, ir.NoProxyProtocol, others)
	c.door("ranges", ir.Client{TrustedCIDRs: trustedRanges}, ir.NoProxyProtocol, others)
	known := prefix("/")
	known.Headers = []ir.ValueMatch{{Name: "x-envoy-external-address", Value: "203.0.113.9"}}
	for _, door := range []string{"hops", "ranges"} {
		chain := strconv.Itoa(int(c.ports[door]))
		scope, table, err := translate.Host(ir.Host{Chain: chain, Hostname: "a.test", Routes: []ir.Route{
			route("mine", known, to(mine)), route("others", prefix("/"), to(others)),
		}})
		if err != nil {
			t.Fatal(err)
		}
		c.add(scope, table)
	}
	c.apply()
	for _, door := range []string{"hops", "ranges"} {
		for address, want := range map[string]string{"203.0.113.9": "mine", "203.0.113.10": "others", "203.0.113.9, 203.0.113.10": "others"} {
			out, err := c.send(door, balancer, asking("/", "X-Forwarded-For: "+address))
			if err != nil || out.Backend != want {
				t.Errorf("%s, %s: %v, %q, want %q", door, address, err, out.Backend, want)
			}
		}
	}
}

// TestAuthorizationHearsTheClient: an authorization service is told the address and the scheme that the backend is told, in the
// headers. The source of Envoy's protocol is that of the connection.
func TestAuthorizationHearsTheClient(t *testing.T) {
	c := newClients(t)
	c.door("1 hop", ir.Client{TrustedHops: 1}, ir.NoProxyProtocol, c.service("backend"))
	service, auth := c.authorizer("grpc")
	forward := guarded(auth, ir.Target{Cluster: c.service("guarded"), Weight: 1})
	chain := strconv.Itoa(int(c.ports["1 hop"]))
	scope, table, err := translate.Host(ir.Host{Chain: chain, Hostname: "a.test", Routes: []ir.Route{route("guarded", prefix("/"), forward)}})
	if err != nil {
		t.Fatal(err)
	}
	c.add(scope, table)
	c.apply()
	out, err := c.send("1 hop", balancer, asking("/", "X-Forwarded-For: 1.1.1.1, 203.0.113.9", "X-Forwarded-Proto: https"))
	if err != nil || out.Backend != "guarded" {
		t.Fatalf("%v %+v", err, out)
	}
	asked := service.Asked()
	if len(asked) != 1 || asked[0].Header.Get("X-Envoy-External-Address") != "203.0.113.9" ||
		asked[0].Header.Get("X-Forwarded-Proto") != "https" || asked[0].Source != balancer {
		t.Errorf("the service was asked %+v", asked)
	}
}
