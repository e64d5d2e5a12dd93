package translate_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// atOnce is how many of the tests that say so run at once: they wait for timers of the proxy, and cost little meanwhile.
const atOnce = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// world collects what one test applies to one proxy.
type world struct {
	t     *testing.T
	proxy *proxytest.Proxy
	port  uint32
	chain string
	set   resource.Change
}

// early is how much before its time a timer of Envoy may be over: its clock is that of the event loop, which is some
// milliseconds behind.
const early = 50 * time.Millisecond

func newWorld(t *testing.T) *world { return worldOf(t, proxytest.Start(t)) }

func worldOf(t *testing.T, proxy *proxytest.Proxy) *world {
	w := &world{t: t, proxy: proxy, port: uint32(proxytest.Port(t))}
	w.chain = strconv.Itoa(int(w.port))
	w.listener(ir.Listener{Port: w.port, Transport: ir.TCP, Chains: []ir.Chain{{ID: w.chain}}})
	return w
}

func (w *world) add(resources ...resource.Resource) {
	w.set.Upsert = append(w.set.Upsert, resources...)
}

func (w *world) one(r resource.Resource, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	w.add(r)
}

func (w *world) listener(l ir.Listener) { w.t.Helper(); w.one(translate.Listener(l)) }

func (w *world) host(hostname string, routes ...ir.Route) {
	w.t.Helper()
	scope, table, err := translate.Host(ir.Host{Chain: w.chain, Hostname: hostname, Routes: routes})
	if err != nil {
		w.t.Fatal(err)
	}
	w.add(scope, table)
}

func (w *world) wildcards(hosts ...ir.Host) {
	w.t.Helper()
	scope, table, err := translate.Wildcards(ir.Wildcards{Chain: w.chain, Hosts: hosts})
	if err != nil {
		w.t.Fatal(err)
	}
	w.add(scope, table)
}

// cluster adds a backend with addresses "host:port".
func (w *world) cluster(c ir.Cluster, addresses ...string) ir.ClusterKey {
	w.t.Helper()
	w.one(translate.Cluster(c))
	w.endpoints(c.Key, addresses...)
	return c.Key
}

func (w *world) endpoints(key ir.ClusterKey, addresses ...string) {
	w.t.Helper()
	endpoints := ir.Endpoints{Key: key.Endpoints()}
	for _, address := range addresses {
		endpoints.Addresses = append(endpoints.Addresses, endpointOf(w.t, address))
	}
	w.one(translate.Endpoints(endpoints))
}

// prioritized adds endpoints with priorities.
func (w *world) prioritized(key ir.ClusterKey, priorities ...[]ir.Endpoint) {
	w.t.Helper()
	w.one(translate.PrioritizedEndpoints(key, priorities...))
}

// endpointOf reads "host:port".
func endpointOf(t testing.TB, address string) ir.Endpoint {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return ir.Endpoint{Address: host, Port: uint32(number)}
}

// service adds a Service with one echo backend of the same name.
func (w *world) service(name string) ir.ClusterKey {
	w.t.Helper()
	return w.cluster(ir.Cluster{Key: serviceKey(name), Protocol: ir.HTTP1}, echo(w.t, name))
}

func (w *world) apply() {
	w.t.Helper()
	w.proxy.Apply(w.set)
	w.set = resource.Change{}
	w.listens()
}

// listens waits for the worker of the proxy, which takes a listener a moment after the proxy has acknowledged it.
func (w *world) listens() {
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if connection, err := net.Dial("tcp", local(w.port)); err == nil {
			_ = connection.Close()
			return
		}
	}
}

func serviceKey(name string) ir.ClusterKey {
	return ir.ClusterKey{Kind: ir.BackendService, Namespace: "test", Name: name, Port: 80}
}

// to is a forward to one backend.
func to(key ir.ClusterKey) *ir.Forward {
	return &ir.Forward{Targets: []ir.Target{{Cluster: key, Weight: 1}}}
}

func prefix(value string) ir.Match {
	return ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: value}}
}

func route(name string, match ir.Match, action ir.Action) ir.Route {
	return ir.Route{Name: name, Match: match, Action: action}
}

// echoed is what an echo backend says about a request.
type echoed struct {
	Backend, Method, Path, Host, Body string
	Headers                           http.Header
}

// echo starts a backend that answers HTTP/1.1 and HTTP/2 in clear text. A request header
// "x-answer: 503" chooses the status.
func echo(t *testing.T, name string) string {
	t.Helper()
	handler := http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if strings.EqualFold(in.Header.Get("Upgrade"), "websocket") {
			upgrade(t, out, name)
			return
		}
		body, err := io.ReadAll(in.Body)
		if err != nil {
			return
		}
		out.Header().Set("x-backend", name)
		if code, err := strconv.Atoi(in.Header.Get("x-answer")); err == nil {
			out.WriteHeader(code)
		}
		_ = json.NewEncoder(out).Encode(echoed{
			Backend: name, Method: in.Method, Path: in.URL.RequestURI(), Host: in.Host,
			Body: string(body), Headers: in.Header,
		})
	})
	server := httptest.NewServer(h2c.NewHandler(handler, &http2.Server{}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// upgrade switches protocols and echoes bytes behind the name of the backend.
func upgrade(t *testing.T, out http.ResponseWriter, name string) {
	connection, buffer, err := out.(http.Hijacker).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer connection.Close()
	fmt.Fprintf(connection, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n%s:", name)
	line := make([]byte, 4)
	if _, err := io.ReadFull(buffer, line); err == nil {
		_, _ = connection.Write(line)
	}
}

// ask is a request and what it must get.
type ask struct {
	host, path, method string
	headers            map[string]string
	body               string
}

type answer struct {
	status int
	header http.Header
	text   string
	echoed
}

var client = &http.Client{
	Timeout:       10 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (w *world) do(a ask) answer {
	w.t.Helper()
	out, err := w.try(a)
	if err != nil {
		w.t.Fatalf("%+v: %v", a, err)
	}
	return out
}

func (w *world) try(a ask) (answer, error) {
	var body io.Reader
	if a.body != "" {
		body = strings.NewReader(a.body)
	}
	if a.path == "" {
		a.path = "/"
	}
	request, err := http.NewRequest(a.method, "http://127.0.0.1:"+strconv.Itoa(int(w.port))+a.path, body)
	if err != nil {
		return answer{}, err
	}
	request.Host = a.host
	for name, value := range a.headers {
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
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

func answerOf(response *http.Response, body []byte) answer {
	out := answer{status: response.StatusCode, header: response.Header, text: string(body)}
	_ = json.Unmarshal(body, &out.echoed)
	return out
}

// expect asks and compares status and backend ("" for any).
func (w *world) expect(a ask, status int, backend string) answer {
	w.t.Helper()
	out := w.do(a)
	if out.status != status || (backend != "" && out.Backend != backend) {
		w.t.Errorf("%s %s%s %v: %d from %q, want %d from %q (%s)",
			a.method, a.host, a.path, a.headers, out.status, out.Backend, status, backend, out.text)
	}
	return out
}

func TestHosts(t *testing.T) {
	w := newWorld(t)
	exact, deep, shallow, second := w.service("exact"), w.service("deep"), w.service("shallow"), w.service("second")
	w.host("h1.example.com", route("a", prefix("/a"), to(exact)))
	w.wildcards(
		ir.Host{Chain: w.chain, Hostname: "*.example.com", Routes: []ir.Route{route("shallow", prefix("/"), to(shallow))}},
		ir.Host{Chain: w.chain, Hostname: "*.wild.example.com", Routes: []ir.Route{route("deep", prefix("/d"), to(deep))}},
		ir.Host{Chain: w.chain, Hostname: "elsewhere.example.com", Routes: []ir.Route{
			route("misdirected", prefix("/"), &ir.Respond{StatusCode: 421, Body: "wrong connection"})}},
	)
	// A second port whose hosts must stay invisible to the first.
	other := strconv.Itoa(proxytest.Port(t))
	port, err := strconv.Atoi(other)
	if err != nil {
		t.Fatal(err)
	}
	w.listener(ir.Listener{Port: uint32(port), Transport: ir.TCP, Chains: []ir.Chain{{ID: other}}})
	scope, table, err := translate.Host(ir.Host{Chain: other, Hostname: "h2.other.test",
		Routes: []ir.Route{route("s", prefix("/"), to(second))}})
	if err != nil {
		t.Fatal(err)
	}
	w.add(scope, table)
	w.apply()

	for _, c := range []struct {
		host, path string
		headers    map[string]string
		status     int
		backend    string
	}{
		{"h1.example.com", "/a", nil, 200, "exact"},
		{"h1.example.com:8080", "/a/b", nil, 200, "exact"},
		{"H1.Example.com", "/a", nil, 200, "exact"},
		{"H1.Example.COM:8080", "/a?x=1", nil, 200, "exact"},
		{"h1.example.com.", "/a", nil, 200, "exact"},
		{"h1.example.com.:80", "/a", nil, 200, "exact"},
		{"H1.example.com.:80", "/a", nil, 200, "exact"},
		{"h1.example.com", "/b", nil, 404, ""},
		{"H1.example.com", "/b", nil, 404, ""},
		{"h1.example.com", "/ab", nil, 404, ""},
		{"z.example.com", "/", nil, 200, "shallow"},
		{"Z.example.com:99", "/", nil, 200, "shallow"},
		{"a.b.example.com", "/", nil, 200, "shallow"},
		{"x.wild.example.com", "/d", nil, 200, "deep"},
		{"X.Wild.example.com.", "/d", nil, 200, "deep"},
		{"x.wild.example.com", "/", nil, 404, ""},
		{"elsewhere.example.com", "/", nil, 421, ""},
		{"Elsewhere.example.com:1", "/", nil, 421, ""},
		{"example.com", "/", nil, 404, ""},
		{"unknown.test", "/", nil, 404, ""},
		{"127.0.0.1", "/", nil, 404, ""},
		{"[::1]:80", "/", nil, 404, ""},
		{"h2.other.test", "/", nil, 404, ""},
		// A client cannot choose its table.
		{"unknown.test", "/a", map[string]string{"x-gw-host": "h1.example.com", "x-gw-chain": w.chain}, 404, ""},
		{"h2.other.test", "/", map[string]string{"x-gw-chain": other}, 404, ""},
		{"h1.example.com", "/a", map[string]string{"x-gw-host": "*"}, 200, "exact"},
		// Nor speak as the proxy.
		{"h1.example.com", "/a", map[string]string{"x-envoy-internal": "true", "x-envoy-upstream-rq-timeout-ms": "1"}, 200, "exact"},
	} {
		out := w.expect(ask{host: c.host, path: c.path, headers: c.headers}, c.status, c.backend)
		for name := range out.Headers {
			// (x-envoy-external-address is the address of the client: the proxy vouches for it.)
			lower := strings.ToLower(name)
			if strings.HasPrefix(lower, "x-gw-") || (strings.HasPrefix(lower, "x-envoy-") && lower != "x-envoy-external-address") {
				t.Errorf("%s: the backend sees %s", c.host, name)
			}
		}
		if out.status == 200 && out.Host != strings.Replace(c.host, ".:", ":", 1) && out.Host+"." != c.host {
			t.Errorf("%s: the backend sees the host %s", c.host, out.Host)
		}
	}
	if out := w.do(ask{host: "elsewhere.example.com"}); out.text != "wrong connection" {
		t.Errorf("body of a direct answer: %q", out.text)
	}
	response, err := http.Get("http://127.0.0.1:" + strconv.Itoa(w.proxy.Ready) + "/ready")
	if err != nil || response.StatusCode != 200 {
		t.Errorf("readiness: %v %v", response, err)
	}
	if log := w.proxy.Output(); strings.Contains(log, "[warning]") || strings.Contains(log, "[error]") {
		t.Errorf("the proxy complains:\n%s", log)
	}
}

// server starts an HTTP/1.1 backend. Its requests end with the test, also where the handler has not read their bodies and so
// does not hear that the proxy has gone.
func server(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.BaseContext = func(net.Listener) context.Context { return t.Context() }
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// TestKeyRotation replaces the authority between proxy and control plane. The proxy must pick
// up the new files without a restart and keep serving meanwhile.
func TestKeyRotation(t *testing.T) {
	w := newWorld(t)
	w.host("a.test", route("r", prefix("/"), to(w.service("one"))))
	w.apply()
	w.expect(ask{host: "a.test"}, 200, "one")
	w.proxy.Rotate()
	w.expect(ask{host: "a.test"}, 200, "one")
	w.host("b.test", route("r", prefix("/"), to(w.service("two"))))
	w.apply()
	w.expect(ask{host: "b.test"}, 200, "two")
	w.expect(ask{host: "a.test"}, 200, "one")
}
