package translate_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

// Envoy decides some things about a request with its first look-up of the route, before any filter
// runs. On hosts that the fallback filter finds there is no route at that moment. These tests hold
// every such decision to one outcome on all hosts (docs/adr/0025-first-look-up.md lists them).

// upgrades are the values of an Upgrade header that no backend is asked about.
var upgrades = []string{"TLS/1.2", "tls/1.3", "h2c", "HTTP/2.0", "foo", "TLS/1.2, HTTP/2.0", "websockets", "xwebsocket",
	"webzocket", "web", "websocket/13"}

// TestG1OtherUpgradesAreIgnored: a request that offers another protocol than WebSocket is answered as
// one without the offer (RFC 9110 7.8), to Services and pools, with and without a body.
func TestG1OtherUpgradesAreIgnored(t *testing.T) {
	w := newWorld(t)
	pod := echo(t, "pod")
	picker := proxytest.StartPicker(t, "picker")
	picker.Pick(pod)
	pool := func(name string, open bool) *ir.Forward {
		return &ir.Forward{Targets: []ir.Target{w.pool(name, open, picker, pod)}, Timeouts: ir.Timeouts{Request: limit(2 * time.Second)}}
	}
	service := to(w.service("service"))
	service.Timeouts.Request = limit(2 * time.Second)
	hosts := w.everywhere(route("service", prefix("/service"), service),
		route("closed", prefix("/closed"), pool("closed", false)), route("open", prefix("/open"), pool("open", true)))
	w.apply()
	requests := map[string]string{
		"GET":  "\r\n",
		"POST": "Content-Length: 6\r\n\r\nprompt",
		"PUT":  "Transfer-Encoding: chunked\r\n\r\n6\r\nprompt\r\n0\r\n\r\n",
	}
	for _, host := range hosts {
		for path, backend := range map[string]string{"/service": "service", "/closed": "pod", "/open": "pod"} {
			for method, rest := range requests {
				for _, upgrade := range upgrades {
					out := w.raw(method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: Upgrade\r\nUpgrade: " + upgrade + "\r\n" + rest)
					body := strings.TrimPrefix(out.Body, "prompt")
					if out.status != 200 || out.Backend != backend || body != "" || (method == "GET") != (out.Body == "") {
						t.Errorf("%s %s%s with Upgrade %s: %d from %q with body %q (%s)", method, host, path, upgrade, out.status,
							out.Backend, out.Body, out.text)
					}
					if out.Headers.Get("Upgrade")+out.Headers.Get("Connection") != "" {
						t.Errorf("%s%s with Upgrade %s: the backend sees %v", host, path, upgrade, out.Headers)
					}
				}
			}
		}
	}
}

// TestG1WebSocketAmongOthers: a client that offers WebSocket besides others gets it.
func TestG1WebSocketAmongOthers(t *testing.T) {
	w := newWorld(t)
	hosts := w.everywhere(route("r", prefix("/"), to(w.service("service"))))
	w.apply()
	for _, host := range hosts {
		for _, upgrade := range []string{"websocket", "WebSocket", "TLS/1.2, websocket", "websocket, foo", "foo,WEBSOCKET,TLS/1.2"} {
			if got := w.upgradeTo(host, "/", upgrade); got != "service:ping" {
				t.Errorf("%s with Upgrade %s: %q", host, upgrade, got)
			}
		}
	}
}

// TestG1ConnectIsRefusedAlike: no tunnel is opened but WebSocket's, on no host.
func TestG1ConnectIsRefusedAlike(t *testing.T) {
	w := newWorld(t)
	hosts := w.everywhere(route("r", prefix("/"), to(w.service("service"))))
	w.apply()
	for _, host := range hosts {
		extended := func(protocol string) int {
			return w.raw2(false, ":method", "CONNECT", ":protocol", protocol, ":scheme", "http", ":authority", host, ":path", "/")
		}
		for protocol, want := range map[string]int{"websocket": 200, "foo": 403, "TLS/1.2": 403, "connect-ip": 403, "websockets": 403} {
			if got := extended(protocol); got != want {
				t.Errorf("HTTP/2 CONNECT of %s with protocol %s: %d, want %d", host, protocol, got, want)
			}
		}
		if got := w.raw2(false, ":method", "CONNECT", ":authority", host); got != 404 {
			t.Errorf("HTTP/2 CONNECT of %s: %d, want 404", host, got)
		}
		if out := w.raw("CONNECT " + host + ":80 HTTP/1.1\r\nHost: " + host + ":80\r\n\r\n"); out.status != 404 {
			t.Errorf("CONNECT of %s: %d, want 404", host, out.status)
		}
	}
}

// decision is what one rule makes of a request, on every host alike.
type decision struct {
	name          string
	ask           ask
	status        int
	backend       string
	atLeast, most time.Duration
	// check compares what else is known about the answer.
	check func(out answer) string
}

// TestG1DecisionsAreTheSameOnEveryHost has one rule for each setting of a route that Envoy reads.
func TestG1DecisionsAreTheSameOnEveryHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rules := newDecidedRules(w)
	hosts := w.everywhere(rules.routes...)
	w.apply()
	const short = 200 * time.Millisecond
	large := strings.Repeat("x", 3<<20)
	preflight := map[string]string{"Origin": "https://a.test", "Access-Control-Request-Method": "PUT"}
	for _, host := range hosts {
		for _, c := range []decision{
			{"request timeout", ask{path: "/request"}, 504, "", short - 50*time.Millisecond, 2 * time.Second, nil},
			{"backend timeout", ask{path: "/attempt"}, 504, "", short - 50*time.Millisecond, 2 * time.Second, nil},
			{"idle timeout", ask{path: "/idle"}, 504, "", short - 50*time.Millisecond, 2 * time.Second, nil},
			{"no timeout", ask{path: "/none"}, 200, "", time.Second, 5 * time.Second, nil},
			{"retries", ask{path: "/retry"}, 503, "", 0, 5 * time.Second, rules.attempted(3)},
			{"retries with a body", ask{path: "/retry", method: "POST", body: "again"}, 503, "", 0, 5 * time.Second, rules.attempted(3)},
			{"large body", ask{path: "/echo", method: "POST", body: large}, 200, "echo", 0, 5 * time.Second, func(out answer) string {
				return unless(len(out.Body) == len(large), "%d bytes arrived", len(out.Body))
			}},
			{"preflight", ask{path: "/cors", method: "OPTIONS", headers: preflight}, 200, "", 0, time.Second, func(out answer) string {
				return unless(out.header.Get("Access-Control-Allow-Origin") == "https://a.test" && out.Backend == "", "%v", out.header)
			}},
			{"picker", ask{path: "/pool", method: "POST", body: "prompt"}, 200, "pod", 0, time.Second, func(out answer) string {
				return unless(out.Headers.Get("x-picker") == "picker", "no picker was asked")
			}},
			{"hold", ask{path: "/held"}, 200, "held", 0, time.Second, func(out answer) string {
				return unless(out.header.Get(coldStart) == "false", "the holder was not asked whether the request waits")
			}},
			{"redirect", ask{path: "/redirect"}, 302, "", 0, time.Second, func(out answer) string {
				return unless(out.header.Get("Location") == "https://there.test/redirect", "%s", out.header.Get("Location"))
			}},
			{"answer", ask{path: "/answer"}, 418, "", 0, time.Second, func(out answer) string { return unless(out.text == "tea", "%s", out.text) }},
			{"rewrite", ask{path: "/rewrite/a?b"}, 200, "echo", 0, time.Second, func(out answer) string {
				return unless(out.Path == "/new/a?b" && out.Host == "inner.test", "%s%s", out.Host, out.Path)
			}},
			{"headers", ask{path: "/headers"}, 200, "echo", 0, time.Second, func(out answer) string {
				return unless(out.Headers.Get("x-rule") == "1" && out.header.Get("x-answer") == "2", "%v %v", out.Headers, out.header)
			}},
			{"no rule", ask{path: "/nothing"}, 404, "", 0, time.Second, nil},
		} {
			c.ask.host = host
			begun := time.Now()
			out := w.expect(c.ask, c.status, c.backend)
			if took := time.Since(begun); took < c.atLeast-early || took > c.most {
				t.Errorf("%s on %s took %v, want %v to %v", c.name, host, took, c.atLeast, c.most)
			}
			if c.check != nil {
				if problem := c.check(out); problem != "" {
					t.Errorf("%s on %s: %s", c.name, host, problem)
				}
			}
		}
	}
}

// unless formats a problem where something does not hold.
func unless(holds bool, format string, values ...any) string {
	if holds {
		return ""
	}
	return fmt.Sprintf(format, values...)
}

// decidedRules are the rules of TestG1DecisionsAreTheSameOnEveryHost.
type decidedRules struct {
	routes   []ir.Route
	attempts *atomic.Int64
}

func newDecidedRules(w *world) *decidedRules {
	w.t.Helper()
	r := &decidedRules{}
	slow := w.cluster(ir.Cluster{Key: serviceKey("slow"), Protocol: ir.HTTP1}, server(w.t, func(_ http.ResponseWriter, in *http.Request) {
		select {
		case <-time.After(1100 * time.Millisecond):
		case <-in.Context().Done():
		}
	}))
	address, attempts := counted(w.t, never, unavailable)
	r.attempts = attempts
	failing := to(w.cluster(ir.Cluster{Key: serviceKey("failing"), Protocol: ir.HTTP1}, address))
	failing.Retry = &ir.Retry{Attempts: 2, Codes: []uint32{503}, Backoff: time.Millisecond}
	echoed := w.service("echo")
	changed := func(filters ir.Filters) *ir.Forward {
		f := to(echoed)
		f.Filters = filters
		return f
	}
	limited := func(timeouts ir.Timeouts) *ir.Forward {
		f := to(slow)
		f.Timeouts = timeouts
		return f
	}
	short := limit(200 * time.Millisecond)
	pod := echo(w.t, "pod")
	picker := proxytest.StartPicker(w.t, "picker")
	picker.Pick(pod)
	r.routes = []ir.Route{
		route("request", prefix("/request"), limited(ir.Timeouts{Request: short})),
		route("attempt", prefix("/attempt"), limited(ir.Timeouts{BackendRequest: short})),
		route("idle", prefix("/idle"), limited(ir.Timeouts{Idle: short})),
		route("none", prefix("/none"), limited(ir.Timeouts{Request: limit(0)})),
		route("retry", prefix("/retry"), failing),
		route("echo", prefix("/echo"), to(echoed)),
		route("cors", prefix("/cors"),
			changed(ir.Filters{CORS: &ir.CORS{AllowOrigins: []string{"https://a.test"}, AllowMethods: []string{"PUT"}}})),
		route("pool", prefix("/pool"), &ir.Forward{Targets: []ir.Target{w.pool("pool", false, picker, pod)}}),
		route("held", prefix("/held"), &ir.Forward{Targets: []ir.Target{
			w.held(ir.Target{Cluster: w.service("held"), Weight: 1}, proxytest.StartHolder(w.t))}}),
		route("redirect", prefix("/redirect"), &ir.Redirect{Scheme: "https", Hostname: "there.test"}),
		route("answer", prefix("/answer"), &ir.Respond{StatusCode: 418, Body: "tea"}),
		route("rewrite", prefix("/rewrite"), changed(ir.Filters{Rewrite: &ir.Rewrite{
			Hostname: "inner.test", Path: &ir.PathRewrite{Prefix: true, Value: "/new"}}})),
		route("headers", prefix("/headers"), changed(ir.Filters{
			RequestHeaders:  &ir.HeaderChange{Set: []ir.Header{{Name: "x-rule", Value: "1"}}},
			ResponseHeaders: &ir.HeaderChange{Set: []ir.Header{{Name: "x-answer", Value: "2"}}},
		})),
	}
	return r
}

// attempted says whether the backend that fails has got as many attempts since it was asked last.
func (r *decidedRules) attempted(want int64) func(answer) string {
	return func(answer) string {
		got := r.attempts.Swap(0)
		return unless(got == want, "%d attempts, want %d", got, want)
	}
}

// TestG1FieldsAreTheSameOnEveryHost is the same for the fields of RouteAction that a user sets for all
// routes.
func TestG1FieldsAreTheSameOnEveryHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	silent := to(w.cluster(ir.Cluster{Key: serviceKey("silent"), Protocol: ir.HTTP1}, server(t, hang)))
	routes := []ir.Route{route("silent", prefix("/"), silent)}
	var wild []ir.Host
	for name, fields := range map[string]string{
		"idle": `{"idle_timeout":"0.200s"}`, "timeout": `{"timeout":"0.200s"}`,
		"stream": `{"max_stream_duration":{"max_stream_duration":"0.200s"}}`,
	} {
		w.fieldsHost(name+".test", fields, routes...)
		wild = append(wild, ir.Host{Chain: w.chain, Hostname: "*." + name + ".test", Fields: fields, Routes: routes})
	}
	w.wildcards(wild...)
	w.apply()
	for _, name := range []string{"idle", "timeout", "stream"} {
		for _, host := range []string{name + ".test", strings.ToUpper(name) + ".test", "a." + name + ".test"} {
			begun := time.Now()
			out := w.do(ask{host: host})
			if took := time.Since(begun); out.status/100 != 5 || took < 150*time.Millisecond || took > 2*time.Second {
				t.Errorf("%s: %d after %v", host, out.status, took)
			}
		}
	}
}
