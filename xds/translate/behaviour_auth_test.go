package translate_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

// authProtocols are the ways in which an authorization service is asked.
var authProtocols = []string{"http", "grpc"}

// authorizer adds an authorization service of its own name, and returns what makes requests ask it.
func (w *world) authorizer(protocol string) (*proxytest.Authorizer, *ir.Auth) {
	w.t.Helper()
	service := proxytest.StartAuthorizer(w.t, protocol == "grpc")
	return service, &ir.Auth{Cluster: w.authService("auth-"+protocol, protocol, service.Address)}
}

func (w *world) authService(name, protocol string, addresses ...string) ir.ClusterKey {
	w.t.Helper()
	key, spoken := serviceKey(name), ir.HTTP1
	if protocol == "grpc" {
		key.Route, spoken = ir.RouteGRPC, ir.HTTP2
	}
	return w.cluster(ir.Cluster{Key: key, Protocol: spoken}, addresses...)
}

// guarded is a forward whose requests are authorized.
func guarded(auth *ir.Auth, targets ...ir.Target) *ir.Forward {
	return &ir.Forward{Targets: targets, Filters: ir.Filters{Auth: auth}}
}

// guardedHosts are those of everywhere.
var guardedHosts = []string{"exact.test", "EXACT.test", "a.wild.test", "any.example"}

// byToken lets requests with one token pass, and says whose they are.
func byToken(_ context.Context, q proxytest.AuthQuestion) proxytest.AuthDecision {
	switch token := q.Header.Get("Authorization"); token {
	case "Bearer good":
		return proxytest.AuthDecision{Status: 200, Header: http.Header{"X-User": {"ann"}, "X-Other": {"1"}}}
	case "Bearer unknown":
		return proxytest.AuthDecision{Status: 401, Header: http.Header{"Www-Authenticate": {`Bearer realm="test"`}}, Body: "who are you?"}
	case "Bearer expired":
		return proxytest.AuthDecision{Status: 302, Header: http.Header{
			"Location": {"https://login.test/?rd=" + q.Path}, "Set-Cookie": {"a=1; Path=/", "b=2; Path=/"},
		}}
	default:
		return proxytest.AuthDecision{Status: 403, Header: http.Header{"X-Why": {"no"}, "Content-Type": {"application/json"}}, Body: `{"no":1}`}
	}
}

// TestAuth: what the service allows reaches the backend with what the service says of it, and nothing else does, wakes a backend,
// counts for one or reaches a picker.
func TestAuth(t *testing.T) {
	for _, protocol := range authProtocols {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			holder, picker := proxytest.StartHolder(t), proxytest.StartPicker(t, "picker")
			service, auth := w.authorizer(protocol)
			service.Decide(byToken)
			auth.ResponseHeaders = []string{"x-user", "x-admin"}
			if protocol == "grpc" {
				auth.ResponseHeaders = nil // the service says what is removed
			}
			web := w.service("web")
			web.Demand = "scaler"
			w.cluster(ir.Cluster{Key: web, Protocol: ir.HTTP1}, echo(t, "web"))
			target := w.held(ir.Target{Cluster: web, Weight: 1}, holder)
			pod := echo(t, "pod")
			picker.Pick(pod)
			w.everywhere(
				route("pool", prefix("/pool"), guarded(auth, w.held(w.pool("pool", false, picker, pod), holder))),
				route("open", prefix("/open"), to(w.service("open"))),
				route("moved", prefix("/moved"), &ir.Redirect{StatusCode: 302, Hostname: "new.test", Auth: auth}),
				route("guarded", prefix("/"), guarded(auth, target)),
			)
			w.apply()
			allowed := 0
			for _, host := range guardedHosts {
				before, held := len(service.Asked()), len(holder.Asked())
				out := w.expect(ask{host: host, path: "/a?b=c", method: "POST", body: "hello", headers: map[string]string{
					"Authorization": "Bearer good", "x-user": "eve", "x-admin": "true",
				}}, 200, "web")
				allowed++
				if got := out.Headers["X-User"]; len(got) != 1 || got[0] != "ann" || out.Body != "hello" || out.Path != "/a?b=c" {
					t.Errorf("%s: the backend got user %q, %q on %q", host, got, out.Body, out.Path)
				}
				if protocol == "http" && (out.Headers.Get("X-Admin") != "" || out.Headers.Get("X-Other") != "") {
					t.Errorf("%s: the backend believes %v", host, out.Headers)
				}
				asked := service.Asked()[before:]
				if len(asked) != 1 || asked[0].Method != "POST" || asked[0].Path != "/a?b=c" || !strings.EqualFold(asked[0].Host,
					host) || asked[0].Body != "" {
					t.Errorf("%s: the service was asked %+v", host, asked)
				}
				if len(holder.Asked()) != held+1 {
					t.Errorf("%s: an allowed request passed the hold", host)
				}
				w.expect(ask{host: host, path: "/pool", headers: map[string]string{"Authorization": "Bearer good"}}, 200, "pod")
				out = w.expect(ask{host: host, path: "/moved", headers: map[string]string{"Authorization": "Bearer good"}}, 302, "")
				if got := out.header.Get("Location"); !strings.Contains(got, "new.test") {
					t.Errorf("%s: redirected to %q", host, got)
				}

				before, held = len(service.Asked()), len(holder.Asked())
				picked, _ := picker.Seen()
				for _, path := range []string{"/", "/pool", "/moved"} {
					out := w.expect(ask{host: host, path: path, method: "POST", body: "x"}, 403, "")
					if out.text != `{"no":1}` || out.header.Get("X-Why") != "no" || out.header.Get("Content-Type") != "application/json" {
						t.Errorf("%s%s: denied with %q %v", host, path, out.text, out.header)
					}
					out = w.expect(ask{host: host, path: path, headers: map[string]string{"Authorization": "Bearer unknown"}}, 401, "")
					if out.text != "who are you?" || out.header.Get("Www-Authenticate") != `Bearer realm="test"` {
						t.Errorf("%s%s: denied with %q %v", host, path, out.text, out.header)
					}
					out = w.expect(ask{host: host, path: path, headers: map[string]string{"Authorization": "Bearer expired"}}, 302, "")
					if out.header.Get("Location") != "https://login.test/?rd="+path || len(out.header["Set-Cookie"]) != 2 {
						t.Errorf("%s%s: redirected with %v", host, path, out.header)
					}
					for name := range out.header {
						if strings.HasPrefix(strings.ToLower(name), "x-envoy-") {
							t.Errorf("%s%s: the client sees %s", host, path, name)
						}
					}
				}
				w.expect(ask{host: host, path: "/open"}, 200, "open")
				if got := len(service.Asked()); got != before+9 {
					t.Errorf("%s: the service was asked %d times, want 9", host, got-before)
				}
				if got := len(holder.Asked()); got != held {
					t.Errorf("%s: %d denied requests could wake a backend", host, got-held)
				}
				if got, _ := picker.Seen(); len(got) != len(picked) {
					t.Errorf("%s: %d denied requests reached the picker", host, len(got)-len(picked))
				}
			}
			want := fmt.Sprintf("cluster.demand/test/scaler.upstream_rq_total: %d\n", allowed)
			if got := w.admin("/stats?filter=demand/test/scaler"); !strings.Contains(got, want) {
				t.Errorf("%d requests were allowed, and these count:\n%s", allowed, got)
			}
			gomega.NewWithT(t).Eventually(w.proxy.Output, 5*time.Second).Should(gomega.And(
				gomega.ContainSubstring(`"flags":"UAEX"`), gomega.ContainSubstring(`"details":"ext_authz_denied"`)))
		})
	}
}

// TestAuthDenialsKeepTheirStatus: the answers that the proxy rewrites when they are its own stay as the
// service gave them.
func TestAuthDenialsKeepTheirStatus(t *testing.T) {
	for _, protocol := range authProtocols {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			service, auth := w.authorizer(protocol)
			w.everywhere(route("guarded", prefix("/"), guarded(auth, ir.Target{Cluster: w.service("web"), Weight: 1})))
			w.apply()
			statuses := []int{400, 401, 402, 403, 404, 408, 409, 413, 418, 429, 451, 499}
			if protocol == "grpc" {
				statuses = append(statuses, 500, 504, 507) // over HTTP a service that answers 5xx does not decide
			}
			for _, status := range statuses {
				service.Decide(func(context.Context, proxytest.AuthQuestion) proxytest.AuthDecision {
					return proxytest.AuthDecision{Status: status, Body: "no"}
				})
				for _, host := range guardedHosts {
					if out := w.expect(ask{host: host, path: "/"}, status, ""); out.text != "no" || out.header.Get("Retry-After") != "" {
						t.Errorf("%s: %d came with %q %v", host, status, out.text, out.header)
					}
				}
			}
		})
	}
}

// unanswered are services that do not decide.
var unanswered = []string{"none", "refuses", "missing", "broken", "large", "silent"}

// TestAuthFailsClosed: where the service does not decide, no request passes: 503 after a bounded time.
func TestAuthFailsClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web := w.service("web")
	limit := 300 * time.Millisecond
	var routes []ir.Route
	for _, protocol := range authProtocols {
		broken := proxytest.StartAuthorizer(t, protocol == "grpc")
		broken.Decide(func(context.Context, proxytest.AuthQuestion) proxytest.AuthDecision {
			return proxytest.AuthDecision{Status: 500, Body: "I am broken"}
		})
		large := proxytest.StartAuthorizer(t, protocol == "grpc")
		large.Decide(func(context.Context, proxytest.AuthQuestion) proxytest.AuthDecision {
			return proxytest.AuthDecision{Status: 403, Body: strings.Repeat("x", 300<<10)}
		})
		silent := proxytest.StartAuthorizer(t, protocol == "grpc")
		silent.Decide(func(context.Context, proxytest.AuthQuestion) proxytest.AuthDecision {
			<-t.Context().Done() // not at the end of the call, which may reach the proxy before the proxy gives up
			return proxytest.AuthDecision{Status: 200}
		})
		services := map[string]ir.ClusterKey{
			"none":    w.authService("none-"+protocol, protocol),
			"refuses": w.authService("refuses-"+protocol, protocol, "127.0.0.1:1"),
			"missing": {Kind: ir.BackendService, Namespace: "test", Name: "missing", Port: 1, Route: serviceRoute(protocol)},
			"broken":  w.authService("broken-"+protocol, protocol, broken.Address),
			"large":   w.authService("large-"+protocol, protocol, large.Address),
			"silent":  w.authService("silent-"+protocol, protocol, silent.Address),
		}
		for _, name := range unanswered {
			forward := guarded(&ir.Auth{Cluster: services[name]}, ir.Target{Cluster: web, Weight: 1})
			routes = append(routes, route(name, prefix("/"+protocol+"/"+name), forward))
			if name == "silent" {
				short := guarded(forward.Filters.Auth, ir.Target{Cluster: web, Weight: 1})
				short.Timeouts.Request = &limit
				routes = append(routes, route("short", prefix("/"+protocol+"/short"), short))
			}
		}
	}
	w.everywhere(append(routes, route("rest", prefix("/"), to(web)))...)
	w.apply()
	for _, host := range guardedHosts {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			for _, protocol := range authProtocols {
				for _, name := range append([]string{"short"}, unanswered...) {
					if name == "silent" && host != "exact.test" {
						continue
					}
					w.unauthorized(t, host, protocol, name)
				}
			}
		})
	}
}

func serviceRoute(protocol string) ir.RouteProtocol {
	if protocol == "grpc" {
		return ir.RouteGRPC
	}
	return ir.RouteHTTP
}

// unauthorized asks a service that does not decide.
func (w *world) unauthorized(t *testing.T, host, protocol, name string) {
	begun := time.Now()
	out, err := w.try(ask{host: host, path: "/" + protocol + "/" + name})
	took, want, again := time.Since(begun), 503, "5"
	least, most := time.Duration(0), 3*time.Second
	switch {
	case name == "silent":
		least, most = 5*time.Second-early, 8*time.Second
	case name == "short": // the deadline of the rule is nearer
		want, again = 504, ""
	case name == "broken" && protocol == "grpc": // the service has decided
		want, again = 500, ""
	}
	if err != nil || out.status != want || out.Backend != "" || out.header.Get("Retry-After") != again || took < least || took > most {
		t.Errorf("%s %s %s: %d after %s from %q, retry after %q (%.80q, %v)", host, protocol, name, out.status, took, out.Backend,
			out.header.Get("Retry-After"), out.text, err)
	}
}

// TestAuthSurvivesAnEndpoint: a service of which one endpoint takes no connection still decides.
func TestAuthSurvivesAnEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var routes []ir.Route
	for _, protocol := range authProtocols {
		service := proxytest.StartAuthorizer(t, protocol == "grpc")
		auth := &ir.Auth{Cluster: w.authService("auth-"+protocol, protocol, service.Address, "127.0.0.1:1")}
		routes = append(routes, route(protocol, prefix("/"+protocol), guarded(auth, ir.Target{Cluster: w.service("web"), Weight: 1})))
	}
	w.host("auth.test", routes...)
	w.apply()
	for _, protocol := range authProtocols {
		for range 20 {
			w.expect(ask{host: "auth.test", path: "/" + protocol, method: "POST", body: "x"}, 200, "web")
		}
	}
}

// TestAuthHeaders: the service is told the headers of the list, and may change neither the route of a request, nor where it ends,
// nor what this proxy decides about it.
func TestAuthHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	forbidden := http.Header{
		"Host": {"evil.test"}, "X-Gw-Host": {"evil.test"}, "X-Gw-Chain": {"1"}, "X-Envoy-Upstream-Rq-Timeout-Ms": {"1"},
		"X-Envoy-Retry-On": {"5xx"}, "X-Gateway-Destination-Endpoint": {"127.0.0.1:1"}, "Upgrade": {"h2c"}, "Te": {"gzip"}, "X-Fine": {"1"},
		"Content-Type": {"text/evil"}, "Content-Encoding": {"br"},
	}
	services := map[string]*proxytest.Authorizer{}
	var routes []ir.Route
	for _, protocol := range authProtocols {
		service, auth := w.authorizer(protocol)
		services[protocol] = service
		service.Decide(func(context.Context, proxytest.AuthQuestion) proxytest.AuthDecision {
			header := forbidden.Clone()
			if protocol == "grpc" {
				header.Set("Content-Length", "1")
				header.Set("Transfer-Encoding", "chunked")
				header.Set(":path", "/evil")
				header.Set(":method", "DELETE")
			}
			return proxytest.AuthDecision{Status: 200, Header: header, Body: "the body of the service"}
		})
		listed := *auth
		listed.RequestHeaders = []string{"x-listed", "cookie"}
		listed.PathPrefix = "/check"
		routes = append(routes,
			route("all", prefix("/"+protocol+"/all"), guarded(auth, ir.Target{Cluster: w.service("web"), Weight: 1})),
			route("listed", prefix("/"+protocol+"/listed"), guarded(&listed, ir.Target{Cluster: w.service("web"), Weight: 1})))
	}
	w.host("auth.test", routes...)
	w.apply()
	for _, protocol := range authProtocols {
		for _, path := range []string{"all", "listed"} {
			path = "/" + protocol + "/" + path
			out := w.expect(ask{host: "auth.test", path: path, method: "POST", body: "mine", headers: map[string]string{
				"X-Listed": "1", "X-Unlisted": "2", "Cookie": "c=3", "Authorization": "a", "Content-Type": "text/mine",
			}}, 200, "web")
			if out.Body != "mine" || out.Method != "POST" || out.Path != path || out.Host != "auth.test" || out.Headers.Get("X-Fine") != "1" {
				t.Errorf("%s: the backend got %+v", path, out.echoed)
			}
			for name, values := range forbidden {
				if protocol == "grpc" && strings.HasPrefix(name, "Content-") || name == "X-Fine" {
					continue
				}
				if got := out.Headers.Get(name); got == values[0] {
					t.Errorf("%s: the service has changed %s to %q", path, name, got)
				}
			}
			asked := services[protocol].Asked()
			q := asked[len(asked)-1]
			wantPath, unlisted, authorization := path, "2", "a"
			switch {
			case path == "/http/listed":
				wantPath, unlisted = "/check"+path, ""
			case protocol == "http":
				unlisted = ""
			case path == "/grpc/listed":
				unlisted, authorization = "", ""
			}
			if q.Path != wantPath || q.Host != "auth.test" || q.Header.Get("X-Unlisted") != unlisted ||
				q.Header.Get("Authorization") != authorization {
				t.Errorf("%s: the service was told %+v", path, q)
			}
			if listed := q.Header.Get("X-Listed") + q.Header.Get("Cookie"); listed != "1c=3" && path != "/http/all" {
				t.Errorf("%s: the service was told %+v", path, q)
			}
			for name := range q.Header {
				if strings.HasPrefix(strings.ToLower(name), "x-gw-") {
					t.Errorf("%s: the service was told %s", path, name)
				}
			}
		}
	}
}

// TestAuthOfATarget: the share of one backend is authorized, and that of the other is not.
func TestAuthOfATarget(t *testing.T) {
	t.Parallel()
	for _, protocol := range authProtocols {
		w := newWorld(t)
		service, auth := w.authorizer(protocol)
		service.Decide(byToken)
		closed := ir.Target{Cluster: w.service("closed"), Weight: 1, Filters: ir.TargetFilters{Auth: auth}}
		w.everywhere(route("split", prefix("/"), &ir.Forward{Targets: []ir.Target{closed, {Cluster: w.service("open"), Weight: 1}}}))
		w.apply()
		for _, host := range guardedHosts {
			seen := map[string]int{}
			for i := range 60 {
				a := ask{host: host}
				if i%2 == 0 {
					a.headers = map[string]string{"Authorization": "Bearer good"}
				}
				out := w.do(a)
				if out.Backend == "closed" && (i%2 != 0 || out.Headers.Get("X-User") != "ann") ||
					out.Backend == "open" && out.Headers.Get("X-User") != "" {
					t.Fatalf("%s %s: request %d reached %s as %q", protocol, host, i, out.Backend, out.Headers.Get("X-User"))
				}
				seen[fmt.Sprint(out.status, out.Backend)]++
			}
			if len(seen) != 3 {
				t.Errorf("%s %s: %v, want answers of both backends and 403", protocol, host, seen)
			}
		}
	}
}

// TestAuthBesideOtherFilters: a preflight is answered without credentials and what is denied can be read by its page; it is mirrored
// nowhere. The service sees the request as its client sent it, the backend as the rule makes it.
func TestAuthBesideOtherFilters(t *testing.T) {
	t.Parallel()
	for _, protocol := range authProtocols {
		w := newWorld(t)
		service, auth := w.authorizer(protocol)
		service.Decide(byToken)
		copies := make(chan string, 10)
		shadow := w.cluster(ir.Cluster{Key: serviceKey("shadow"), Protocol: ir.HTTP1}, server(t, func(_ http.ResponseWriter, in *http.Request) {
			copies <- in.URL.Path
		}))
		forward := guarded(auth, ir.Target{Cluster: w.service("web"), Weight: 1})
		forward.Filters.CORS = &ir.CORS{AllowOrigins: []string{"https://page.test"}, AllowMethods: []string{"PUT"}}
		forward.Filters.Mirrors = []ir.Mirror{{Cluster: shadow, Numerator: 100, Denominator: 100}}
		forward.Filters.Rewrite = &ir.Rewrite{Hostname: "inner.test", Path: &ir.PathRewrite{Value: "/inner"}}
		forward.Filters.RequestHeaders = &ir.HeaderChange{Set: []ir.Header{{Name: "x-rule", Value: "1"}}, Remove: []string{"authorization"}}
		w.everywhere(route("put", ir.Match{Path: ir.PathMatch{Value: "/"}, Method: "PUT"}, forward), route("all", prefix("/"), forward))
		w.apply()
		for _, host := range guardedHosts {
			out := w.expect(ask{host: host, method: "OPTIONS", headers: map[string]string{
				"Origin": "https://page.test", "Access-Control-Request-Method": "PUT",
			}}, 200, "")
			if out.header.Get("Access-Control-Allow-Origin") != "https://page.test" || out.Backend != "" {
				t.Errorf("%s: preflight %v from %q", host, out.header, out.Backend)
			}
			out = w.expect(ask{host: host, method: "PUT", body: "x", headers: map[string]string{"Origin": "https://page.test"}}, 403, "")
			if out.header.Get("Access-Control-Allow-Origin") != "https://page.test" {
				t.Errorf("%s: a page cannot read why: %v", host, out.header)
			}
			before := len(service.Asked())
			out = w.expect(ask{host: host, path: "/outer", method: "PUT", body: "x",
				headers: map[string]string{"Authorization": "Bearer good"}}, 200, "web")
			if out.Path != "/inner" || out.Host != "inner.test" || out.Headers.Get("x-rule") != "1" || out.Headers.Get("Authorization") != "" {
				t.Errorf("%s: the backend got %+v", host, out.echoed)
			}
			asked := service.Asked()[before:]
			if len(asked) != 1 || asked[0].Path != "/outer" || !strings.EqualFold(asked[0].Host, host) || asked[0].Header.Get("x-rule") != "" {
				t.Errorf("%s: the service was asked %+v", host, asked)
			}
			gomega.NewWithT(t).Eventually(copies, 5*time.Second).Should(gomega.Receive())
		}
		if len(copies) > 0 {
			t.Errorf("%d denied requests were mirrored", len(copies))
		}
	}
}
