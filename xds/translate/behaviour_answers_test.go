package translate_test

import (
	"bufio"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

// TestG9ServerHeaderIsTheRules: the proxy adds no server header, neither to answers of backends nor to
// its own, so that what a rule sets, adds or removes is what the client sees.
func TestG9ServerHeaderIsTheRules(t *testing.T) {
	w := newWorld(t)
	said := w.cluster(ir.Cluster{Key: serviceKey("said"), Protocol: ir.HTTP1}, server(t, func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Server", "backend")
	}))
	silent := w.service("silent")
	changed := func(key ir.ClusterKey, change *ir.HeaderChange) *ir.Forward {
		f := to(key)
		f.Filters.ResponseHeaders = change
		return f
	}
	remove := &ir.HeaderChange{Remove: []string{"Server"}}
	set := &ir.HeaderChange{Set: []ir.Header{{Name: "server", Value: "rule"}}}
	add := &ir.HeaderChange{Add: []ir.Header{{Name: "server", Value: "rule"}}}
	none := w.cluster(ir.Cluster{Key: serviceKey("none"), Protocol: ir.HTTP1})
	byBackend := to(said)
	byBackend.Targets[0].Filters.ResponseHeaders = remove
	hosts := w.everywhere(
		route("said", prefix("/said"), to(said)), route("said-remove", prefix("/said-remove"), changed(said, remove)),
		route("said-set", prefix("/said-set"), changed(said, set)), route("said-add", prefix("/said-add"), changed(said, add)),
		route("said-backend", prefix("/said-backend"), byBackend),
		route("silent", prefix("/silent"), to(silent)), route("silent-remove", prefix("/silent-remove"), changed(silent, remove)),
		route("silent-set", prefix("/silent-set"), changed(silent, set)),
		route("none", prefix("/none"), to(none)), route("answer", prefix("/answer"), &ir.Respond{StatusCode: 200}),
		route("redirect", prefix("/redirect"), &ir.Redirect{Scheme: "https"}),
		route("redirect-set", prefix("/redirect-set"), &ir.Redirect{Scheme: "https", ResponseHeaders: set}),
	)
	w.apply()
	for _, host := range hosts {
		for path, want := range map[string]string{
			"/said": "backend", "/said-remove": "", "/said-set": "rule", "/said-add": "backend,rule", "/said-backend": "",
			"/silent": "", "/silent-remove": "", "/silent-set": "rule",
			"/none": "", "/answer": "", "/redirect": "", "/redirect-set": "rule", "/unknown": "",
		} {
			out := w.do(ask{host: host, path: path})
			if got := strings.Join(out.header.Values("Server"), ","); got != want {
				t.Errorf("%s%s: server header %q, want %q", host, path, got, want)
			}
			if out.header.Get("Date") == "" {
				t.Errorf("%s%s: no date (RFC 9110 6.6.1)", host, path)
			}
		}
	}
}

// TestG10RedirectsDropThePort: a redirect to the standard port of a scheme names no port, with any port
// in the request.
func TestG10RedirectsDropThePort(t *testing.T) {
	w := newWorld(t)
	hosts := w.everywhere(
		route("https", prefix("/https"), &ir.Redirect{Scheme: "https"}),
		route("stated", prefix("/stated"), &ir.Redirect{Scheme: "https", Port: 443, StatusCode: 301}),
		route("http", prefix("/http"), &ir.Redirect{Scheme: "http"}),
		route("prefix", prefix("/old"), &ir.Redirect{Scheme: "https", Path: &ir.PathRewrite{Prefix: true, Value: "/new"}}),
		route("full", prefix("/full"), &ir.Redirect{Scheme: "https", Path: &ir.PathRewrite{Value: "/whole"}}),
		route("other", prefix("/other"), &ir.Redirect{Scheme: "https", Port: 8443}),
		route("forward", prefix("/forward"), to(w.service("backend"))),
	)
	w.apply()
	for _, host := range append(hosts, "127.0.0.1", "[::1]", "A.wild.test") {
		for _, port := range []string{"", ":80", ":443", ":8080", ":1"} {
			name := strings.ToLower(host)
			for path, want := range map[string]string{
				"/https/a?b=1": "https://" + name + "/https/a?b=1", "/stated": "https://" + name + "/stated", "/http": "http://" + name + "/http",
				"/old/a?b=1": "https://" + name + "/new/a?b=1", "/full?b=1": "https://" + name + "/whole?b=1",
				"/other": "https://" + name + ":8443/other",
			} {
				out := w.do(ask{host: host + port, path: path})
				if got := strings.ToLower(out.header.Get("Location")); got != want || out.status/100 != 3 {
					t.Errorf("%s%s%s: %d to %q, want %q", host, port, path, out.status, got, want)
				}
			}
			if out := w.do(ask{host: host + port, path: "/forward"}); out.Host != host+port {
				t.Errorf("%s%s: the backend sees the host %q", host, port, out.Host)
			}
		}
	}
}

// TestG15HTTP10 has clients of HTTP/1.0 as nginx, ab and health checks of load balancers are.
func TestG15HTTP10(t *testing.T) {
	w := newWorld(t)
	pod := echo(t, "pod")
	picker := proxytest.StartPicker(t, "picker")
	picker.Pick(pod)
	streamed := w.cluster(ir.Cluster{Key: serviceKey("streamed"), Protocol: ir.HTTP1},
		server(t, func(out http.ResponseWriter, _ *http.Request) {
			for i := range 3 {
				_, _ = io.WriteString(out, "part "+strconv.Itoa(i)+";")
				out.(http.Flusher).Flush()
			}
		}))
	hosts := w.everywhere(route("service", prefix("/service"), to(w.service("service"))), route("streamed", prefix("/streamed"), to(streamed)),
		route("pool", prefix("/pool"), &ir.Forward{Targets: []ir.Target{w.pool("pool", false, picker, pod)}}))
	w.apply()
	for _, host := range hosts {
		for path, backend := range map[string]string{"/service": "service", "/pool": "pod"} {
			for request, body := range map[string]string{
				"GET " + path + " HTTP/1.0\r\nHost: " + host + "\r\nConnection: close\r\n\r\n":        "",
				"GET " + path + " HTTP/1.0\r\nhost: " + host + "\r\nUser-Agent: ab\r\n\r\n":           "",
				"POST " + path + " HTTP/1.0\r\nHost: " + host + "\r\nContent-Length: 6\r\n\r\nprompt": "prompt",
			} {
				out := w.raw(request)
				if out.status != 200 || out.Backend != backend || out.Body != body || out.header.Get("Transfer-Encoding") != "" {
					t.Errorf("%q: %d from %q with %q, %v", request, out.status, out.Backend, out.Body, out.header)
				}
			}
		}
		if out := w.raw("GET /streamed HTTP/1.0\r\nHost: " + host + "\r\n\r\n"); out.text != "part 0;part 1;part 2;" {
			t.Errorf("%s: a streamed answer: %d %q", host, out.status, out.text)
		}
		w.keptAlive(host)
	}
	for _, request := range []string{"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nHost:\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"} {
		if out := w.raw(request); out.status != 400 {
			t.Errorf("%q without a host: %d", request, out.status)
		}
	}
}

// keptAlive asks twice on one connection, as ab -k does.
func (w *world) keptAlive(host string) {
	w.t.Helper()
	connection := w.dial()
	defer connection.Close()
	reader := bufio.NewReader(connection)
	for i := range 2 {
		if _, err := io.WriteString(connection, "GET /service HTTP/1.0\r\nHost: "+host+"\r\nConnection: Keep-Alive\r\n\r\n"); err != nil {
			w.t.Fatal(err)
		}
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			w.t.Errorf("%s: request %d of a connection that is kept alive: %v", host, i, err)
			return
		}
		_, _ = io.Copy(io.Discard, response.Body)
		if response.StatusCode != 200 || !strings.EqualFold(response.Header.Get("Connection"), "keep-alive") {
			w.t.Errorf("%s: request %d: %d %v", host, i, response.StatusCode, response.Header)
		}
	}
}

// TestG15HTTP10CanBeRefused: a chain may refuse HTTP/1.0.
func TestG15HTTP10CanBeRefused(t *testing.T) {
	w := newWorld(t)
	w.listener(ir.Listener{Port: w.port, Transport: ir.TCP, Chains: []ir.Chain{{ID: w.chain, RefuseHTTP10: true}}})
	w.host("exact.test", route("r", prefix("/"), to(w.service("service"))))
	w.apply()
	if out := w.raw("GET / HTTP/1.0\r\nHost: exact.test\r\n\r\n"); out.status != 426 {
		t.Errorf("HTTP/1.0: %d", out.status)
	}
	w.expect(ask{host: "exact.test"}, 200, "service")
}
