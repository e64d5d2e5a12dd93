package translate_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/translate"
)

// behind adds the hosts of everywhere to a listener with filters.
func (w *world) behind(auths []*ir.Auth, routes ...ir.Route) {
	w.t.Helper()
	filters := &ir.ListenerFilters{Auths: auths}
	w.hosts(
		ir.Host{Chain: w.chain, Hostname: "exact.test", Routes: routes, Filters: filters},
		ir.Host{Chain: w.chain, Hostname: "*.wild.test", Routes: routes, Filters: filters},
		ir.Host{Chain: w.chain, Hostname: "*", Routes: routes, Filters: filters},
	)
}

// hosts adds exact hosts and, in one table, all others.
func (w *world) hosts(hosts ...ir.Host) {
	w.t.Helper()
	var wild []ir.Host
	for _, host := range hosts {
		if strings.HasPrefix(host.Hostname, "*") {
			wild = append(wild, host)
			continue
		}
		scope, table, err := translate.Host(host)
		if err != nil {
			w.t.Fatal(err)
		}
		w.add(scope, table)
	}
	w.wildcards(wild...)
}

// userIs matches requests with a header.
func userIs(name string) ir.Match {
	return ir.Match{Path: ir.PathMatch{Kind: ir.PathPrefix, Value: "/"}, Headers: []ir.ValueMatch{{Name: "x-user", Value: name}}}
}

// byUser names the user of some tokens. It takes away what a client says of itself.
func byUser(ctx context.Context, q proxytest.AuthQuestion) proxytest.AuthDecision {
	if q.Header.Get("Authorization") == "Bearer nameless" {
		return proxytest.AuthDecision{Status: 200, Remove: []string{"x-user"}}
	}
	return byToken(ctx, q)
}

func bearer(token string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + token, "x-user": "eve"}
}

// TestListenerFilterChoosesRoutes: what the service says of a request decides which rule takes it, with the filters of that rule; what
// the client said does not. Every request is authorized, also where no rule takes it.
func TestListenerFilterChoosesRoutes(t *testing.T) {
	for _, protocol := range authProtocols {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			holder, picker := proxytest.StartHolder(t), proxytest.StartPicker(t, "picker")
			service, auth := w.authorizer(protocol)
			service.Decide(byUser)
			if protocol == "http" {
				auth.ResponseHeaders = []string{"x-user"}
			}
			second := proxytest.StartAuthorizer(t, false)
			rule := &ir.Auth{Cluster: w.authService("second", "http", second.Address), RequestHeaders: []string{"x-user"}}
			second.Decide(func(_ context.Context, q proxytest.AuthQuestion) proxytest.AuthDecision {
				if q.Header.Get("x-user") != "ann" || strings.HasPrefix(q.Path, "/closed") {
					return proxytest.AuthDecision{Status: 418}
				}
				return proxytest.AuthDecision{Status: 200, Header: http.Header{"X-Second": {"1"}}}
			})
			pod := echo(t, "pod")
			picker.Pick(pod)
			ann := guarded(rule, w.held(w.pool("pool", false, picker, pod), holder))
			w.behind([]*ir.Auth{auth},
				route("ann", userIs("ann"), ann),
				route("eve", userIs("eve"), to(w.service("eve"))),
				route("moved", prefix("/moved"), &ir.Redirect{StatusCode: 302, Hostname: "new.test"}),
				route("web", prefix("/web"), to(w.service("web"))))
			w.apply()
			for _, host := range guardedHosts {
				asked := len(service.Asked())
				out := w.expect(ask{host: host, path: "/web", method: "POST", body: "hello", headers: bearer("good")}, 200, "pod")
				if out.Headers.Get("X-User") != "ann" || out.Headers.Get("X-Second") != "1" || out.Body != "hello" {
					t.Errorf("%s: the backend got %+v", host, out.echoed)
				}
				w.expect(ask{host: host, path: "/closed", headers: bearer("good")}, 418, "")
				held := len(holder.Asked())
				w.expect(ask{host: host, path: "/web", headers: bearer("nameless")}, 200, "web")
				w.expect(ask{host: host, path: "/moved", headers: bearer("nameless")}, 302, "")
				w.expect(ask{host: host, path: "/none", headers: bearer("nameless")}, 404, "")
				for _, path := range []string{"/web", "/none", "/moved", "//web", "/web/..", "/%77eb", "/web?a=/none"} {
					w.expect(ask{host: host, path: path, headers: bearer("unknown")}, 401, "")
					w.expect(ask{host: host, path: path, method: "OPTIONS", headers: map[string]string{
						"Origin": "https://page.test", "Access-Control-Request-Method": "PUT"}}, 403, "")
					w.expect(ask{host: host, path: path, method: "PUT", body: "x"}, 403, "")
				}
				out = w.expect(ask{host: host, path: "/web", headers: bearer("expired")}, 302, "")
				if out.header.Get("Location") != "https://login.test/?rd=/web" || len(out.header["Set-Cookie"]) != 2 {
					t.Errorf("%s: redirected with %v", host, out.header)
				}
				if got := len(service.Asked()) - asked; got != 6+3*7 {
					t.Errorf("%s: the service was asked %d times", host, got)
				}
				if got := len(holder.Asked()); got != held || held == 0 {
					t.Errorf("%s: %d of %d questions to the holder are of denied requests", host, got-held, got)
				}
			}
		})
	}
}

// TestListenerFilterOrder: as many filters as a listener may have are asked in their order, each sees what the one before has said,
// and none behind one that denies is asked.
func TestListenerFilterOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var auths []*ir.Auth
	var services []*proxytest.Authorizer
	for place := range ir.MaxListenerFilters {
		protocol := authProtocols[place%2]
		service := proxytest.StartAuthorizer(t, protocol == "grpc")
		name, last := string(rune('a'+place)), ""
		if place > 0 {
			last = string(rune('a' + place - 1))
		}
		service.Decide(func(_ context.Context, q proxytest.AuthQuestion) proxytest.AuthDecision {
			if q.Header.Get("x-stop") == name {
				return proxytest.AuthDecision{Status: 418}
			}
			if q.Header.Get("x-last") != last || q.Body != "hello" {
				return proxytest.AuthDecision{Status: 409, Body: "behind " + q.Header.Get("x-last") + " " + q.Body}
			}
			return proxytest.AuthDecision{Status: 200, Header: http.Header{"X-Last": {name}}}
		})
		auths = append(auths, &ir.Auth{
			Cluster: w.authService("auth-"+name, protocol, service.Address), RequestHeaders: []string{"x-stop", "x-last"}, MaxBody: 1 << 10,
		})
		services = append(services, service)
	}
	final := string(rune('a' + ir.MaxListenerFilters - 1))
	match := prefix("/")
	match.Headers = []ir.ValueMatch{{Name: "x-last", Value: final}}
	w.behind(auths, route("web", match, to(w.service("web"))))
	w.apply()
	counts := func() (all []int) {
		for _, service := range services {
			all = append(all, len(service.Asked()))
		}
		return all
	}
	for _, host := range guardedHosts {
		before := counts()
		out := w.expect(ask{host: host, method: "POST", body: "hello"}, 200, "web")
		if out.Body != "hello" || out.Headers.Get("x-last") != final || len(out.Headers["X-Gw-Step"]) > 0 {
			t.Errorf("%s: the backend got %+v", host, out.echoed)
		}
		w.expect(ask{host: host, method: "POST", body: "hello", headers: map[string]string{"x-stop": "c"}}, 418, "")
		w.expect(ask{host: host, method: "POST", body: strings.Repeat("x", 1<<10+1)}, 413, "")
		after := counts()
		for place := range after {
			if want := map[bool]int{true: 2, false: 1}[place < 3]; after[place]-before[place] != want {
				t.Errorf("%s: filter %d was asked %d times, want %d", host, place, after[place]-before[place], want)
			}
		}
	}
}

// TestListenerFilterFailsClosed: where the service of a listener does not decide, no request passes, with a rule or without: 503 after
// a bounded time. Another listener of the port is served meanwhile.
func TestListenerFilterFailsClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	silent := proxytest.StartAuthorizer(t, true)
	silent.Decide(func(context.Context, proxytest.AuthQuestion) proxytest.AuthDecision {
		<-t.Context().Done() // not at the end of the call, which may reach the proxy before the proxy gives up
		return proxytest.AuthDecision{Status: 200}
	})
	web := w.service("web")
	routes := []ir.Route{route("web", prefix("/web"), to(web))}
	services := map[string]ir.ClusterKey{
		"none":    w.authService("none", "http"),
		"refuses": w.authService("refuses", "grpc", "127.0.0.1:1"),
		"missing": {Kind: ir.BackendService, Namespace: "test", Name: "missing", Port: 1},
		"silent":  w.authService("silent", "grpc", silent.Address),
	}
	var hosts []ir.Host
	for name, key := range services {
		for _, hostname := range []string{name + ".test", "*." + name + ".test"} {
			hosts = append(hosts, ir.Host{
				Chain: w.chain, Hostname: hostname, Routes: routes, Filters: &ir.ListenerFilters{Auths: []*ir.Auth{{Cluster: key}}},
			})
		}
	}
	w.hosts(append(hosts, ir.Host{Chain: w.chain, Hostname: "*", Routes: routes})...)
	w.apply()
	for name := range services {
		for _, host := range []string{name + ".test", "a." + name + ".test"} {
			for _, path := range []string{"/web", "/none"} {
				t.Run(host+path, func(t *testing.T) {
					t.Parallel()
					begun := time.Now()
					out, err := w.try(ask{host: host, path: path})
					took, most := time.Since(begun), 3*time.Second
					if name == "silent" {
						most = 8 * time.Second
					}
					if err != nil || out.status != 503 || out.Backend != "" || out.header.Get("Retry-After") != "5" || took > most {
						t.Errorf("%d after %s from %q, %v (%v)", out.status, took, out.Backend, out.header, err)
					}
					w.expect(ask{host: "open.example", path: "/web"}, 200, "web")
				})
			}
		}
	}
}

// TestListenerFilterCannotBeDodged: of two listeners on one port, each request passes the filter of the one that its Host belongs to,
// in any spelling of Host, and for every kind of request.
func TestListenerFilterCannotBeDodged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	filters := map[string]*ir.ListenerFilters{}
	for _, name := range []string{"deep", "wild", "all"} {
		service := proxytest.StartAuthorizer(t, false)
		service.Decide(func(context.Context, proxytest.AuthQuestion) proxytest.AuthDecision {
			return proxytest.AuthDecision{Status: 403, Header: http.Header{"X-By": {name}}}
		})
		filters[name] = &ir.ListenerFilters{Auths: []*ir.Auth{{Cluster: w.authService(name, "http", service.Address)}}}
	}
	web := to(w.service("web"))
	host := func(hostname, by string) ir.Host {
		return ir.Host{Chain: w.chain, Hostname: hostname, Filters: filters[by], Routes: []ir.Route{route("web", prefix("/"), web)}}
	}
	// The listeners are deep.wild.test, *.wild.test, open.test without a filter, and one without a hostname; a route of the second
	// has a hostname of its own.
	w.hosts(host("deep.wild.test", "deep"), host("route.wild.test", "wild"), host("*.wild.test", "wild"),
		host("open.test", ""), host("*", "all"))
	w.apply()
	const noHost = "a b"
	for by, spellings := range map[string][]string{
		"deep": {"deep.wild.test", "DEEP.wild.test", "deep.wild.test:1", "Deep.Wild.Test.:80", "deep.wild.test."},
		"wild": {"route.wild.test", "ROUTE.wild.test:9", "a.wild.test", "a.b.WILD.test.", "xdeep.wild.test", "deep.deep.wild.test:80"},
		"all":  {"wild.test", "any", "open.test.evil", "127.0.0.1:80", "[::1]:80", "xopen.test", noHost},
	} {
		for _, spelling := range spellings {
			for _, request := range []string{
				"GET / HTTP/1.1\r\nHost: %\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: %\r\n\r\n", "GET http://%/ HTTP/1.1\r\nHost: open.test\r\n\r\n",
				"GET / HTTP/1.0\r\nHost: %\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: %\r\nx-gw-host: open.test\r\nx-gw-chain: x\r\nx-gw-step: 1\r\n\r\n",
				"GET / HTTP/1.1\r\nHost: %\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
					"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
				"GET / HTTP/1.1\r\nHost: %\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
				"GET / HTTP/1.1\r\nHost: %\r\nX-Forwarded-Host: open.test\r\nX-Original-Host: open.test\r\n\r\n",
				"OPTIONS / HTTP/1.1\r\nHost: %\r\nOrigin: https://a.test\r\nAccess-Control-Request-Method: PUT\r\n\r\n",
				"CONNECT % HTTP/1.1\r\nHost: %\r\n\r\n",
			} {
				out := w.raw(strings.ReplaceAll(request, "%", spelling))
				want := by
				if spelling == noHost || strings.HasPrefix(request, "CONNECT ") || strings.HasPrefix(request, "OPTIONS * ") {
					want = "" // refused by the proxy, which serves no such request
				}
				if out.header.Get("X-By") != want || out.Backend != "" || out.status < 400 {
					t.Errorf("%.60q to %s: %d by %q from %q, want %q", request, spelling, out.status, out.header.Get("X-By"), out.Backend, want)
				}
			}
		}
	}
	for _, spelling := range []string{"open.test", "OPEN.test:80", "open.test."} {
		w.expect(ask{host: spelling}, 200, "web")
	}
	for _, fields := range [][]string{
		{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "deep.wild.test", "host", "open.test"},
		{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "DEEP.wild.test:1"},
		{":method", "CONNECT", ":authority", "deep.wild.test:80"},
		{":method", "CONNECT", ":authority", "deep.wild.test", ":protocol", "websocket", ":scheme", "http", ":path", "/"},
		{":method", "CONNECT", ":authority", "a.wild.test", ":protocol", "websocket", ":scheme", "http", ":path", "/"},
		{":method", "CONNECT", ":authority", "a.wild.test", ":protocol", "connect-udp", ":scheme", "http", ":path", "/"},
	} {
		if status := w.raw2(true, fields...); status < 400 {
			t.Errorf("%q: %d", fields, status)
		}
	}
}
