package translate_test

import (
	"bufio"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
)

func exactPath(value string) ir.Match {
	return ir.Match{Path: ir.PathMatch{Kind: ir.PathExact, Value: value}}
}

func limit(d time.Duration) *time.Duration { return &d }

func TestMatches(t *testing.T) {
	w := newWorld(t)
	backend := make(map[string]ir.ClusterKey)
	for _, name := range []string{"exact", "regex", "method", "header", "query", "prefix", "all"} {
		backend[name] = w.service(name)
	}
	regexPath := ir.Match{Path: ir.PathMatch{Kind: ir.PathRegex, Value: `/v[0-9]+/items`}}
	method, header, query := prefix("/m"), prefix("/h"), prefix("/q")
	method.Method = "PUT"
	header.Headers = []ir.ValueMatch{{Name: "X-Team", Value: "Blue"}, {Name: "x-n", Value: "[0-9]+", Regex: true}}
	query.Query = []ir.ValueMatch{{Name: "a", Value: "1"}, {Name: "b", Value: "x.*", Regex: true}}
	w.host("match.test",
		route("exact", exactPath("/exact"), to(backend["exact"])),
		route("regex", regexPath, to(backend["regex"])),
		route("method", method, to(backend["method"])),
		route("header", header, to(backend["header"])),
		route("query", query, to(backend["query"])),
		route("prefix", prefix("/p/"), to(backend["prefix"])),
		route("all", prefix("/"), to(backend["all"])),
	)
	w.apply()
	for _, c := range []struct {
		method, path string
		headers      map[string]string
		backend      string
	}{
		{"GET", "/exact", nil, "exact"},
		{"GET", "/exact?x=1", nil, "exact"},
		{"GET", "/exact/", nil, "all"},
		{"GET", "/Exact", nil, "all"},
		{"GET", "/v12/items", nil, "regex"},
		{"GET", "/v12/items?x", nil, "regex"},
		{"GET", "/v12/items/3", nil, "all"},
		{"GET", "/x/v12/items", nil, "all"},
		{"PUT", "/m/1", nil, "method"},
		{"GET", "/m/1", nil, "all"},
		{"GET", "/h", map[string]string{"x-team": "Blue", "X-N": "42"}, "header"},
		{"GET", "/h", map[string]string{"x-team": "blue", "X-N": "42"}, "all"},
		{"GET", "/h", map[string]string{"x-team": "Blue", "X-N": "42a"}, "all"},
		{"GET", "/q?a=1&b=xyz", nil, "query"},
		{"GET", "/q?b=xyz", nil, "all"},
		{"GET", "/q?a=1&b=yx", nil, "all"},
		{"GET", "/p", nil, "prefix"},
		{"GET", "/p/", nil, "prefix"},
		{"GET", "/p/q", nil, "prefix"},
		{"GET", "/p?x", nil, "prefix"},
		{"GET", "/pq", nil, "all"},
		{"GET", "/x/../p/q", nil, "prefix"}, // normalised before matching
		{"GET", "//p", nil, "all"},          // repeated slashes are left alone
	} {
		w.expect(ask{host: "match.test", method: c.method, path: c.path, headers: c.headers}, 200, c.backend)
	}
}

func TestRedirects(t *testing.T) {
	w := newWorld(t)
	port := strconv.Itoa(int(w.port))
	full := func(v string) *ir.PathRewrite { return &ir.PathRewrite{Value: v} }
	part := func(v string) *ir.PathRewrite { return &ir.PathRewrite{Prefix: true, Value: v} }
	cases := []struct {
		name     string
		match    ir.Match
		redirect ir.Redirect
		path     string
		status   int
		location string // H stands for the host, P for the port of the listener
	}{
		{"https", prefix("/https"), ir.Redirect{Scheme: "https"}, "/https/x?y=1", 302, "https://H/https/x?y=1"},
		{"https-port", prefix("/https-port"), ir.Redirect{Scheme: "https", Port: 8443}, "/https-port", 302, "https://H:8443/https-port"},
		{"https-443", prefix("/https-443"), ir.Redirect{Scheme: "https", Port: 443, StatusCode: 308}, "/https-443", 308, "https://H/https-443"},
		{"http-80", prefix("/http-80"), ir.Redirect{Scheme: "http", StatusCode: 303}, "/http-80", 303, "http://H/http-80"},
		{"port-80", prefix("/port-80"), ir.Redirect{Port: 80, StatusCode: 307}, "/port-80", 307, "http://H/port-80"},
		{"same", prefix("/same"), ir.Redirect{Path: full("/new"), StatusCode: 301}, "/same/x?y=1", 301, "http://H:P/new?y=1"},
		{"host", prefix("/host"), ir.Redirect{Hostname: "other.test"}, "/host", 302, "http://other.test:P/host"},
		{"host-https", prefix("/host-https"), ir.Redirect{Hostname: "other.test", Scheme: "https"}, "/host-https", 302,
			"https://other.test/host-https"},
		{"prefix", prefix("/old"), ir.Redirect{Hostname: "o.test", Port: 80, Path: part("/new")}, "/old/a/", 302, "http://o.test/new/a/"},
		{"prefix-root", prefix("/gone"), ir.Redirect{Hostname: "o.test", Port: 80, Path: part("/")}, "/gone/a", 302, "http://o.test/a"},
		{"prefix-empty", prefix("/gone2"), ir.Redirect{Hostname: "o.test", Port: 80, Path: part("")}, "/gone2", 302, "http://o.test/"},
		{"percent", exactPath("/pct"), ir.Redirect{Hostname: "o.test", Port: 80, Path: full("/100%25/x")}, "/pct", 302, "http://o.test/100%25/x"},
	}
	var routes []ir.Route
	for i := range cases {
		routes = append(routes, route(cases[i].name, cases[i].match, &cases[i].redirect))
	}
	w.host("redirect.test", routes...)
	w.wildcards(ir.Host{Chain: w.chain, Hostname: "*.redirect.test", Routes: routes})
	w.apply()
	for _, c := range cases {
		for _, host := range []string{"redirect.test", "redirect.test:" + port, "a.redirect.test", "a.redirect.test:" + port} {
			name := strings.TrimSuffix(host, ":"+port)
			want := strings.Replace(c.location, "//H", "//"+name, 1)
			want = strings.Replace(want, ":P", ":"+port, 1)
			out := w.do(ask{host: host, path: c.path})
			got := out.header.Get("Location")
			if out.status != c.status || got != want {
				t.Errorf("%s of %s: %d %s, want %d %s", c.name, host, out.status, got, c.status, want)
			}
		}
	}
}

// TestRewrites: what the filters of a rule do, and those of a backend alike.
func TestRewrites(t *testing.T) {
	w := newWorld(t)
	key := w.service("backend")
	for host, set := range map[string]func(*ir.Forward, *ir.Rewrite){
		"rewrite.test": func(f *ir.Forward, r *ir.Rewrite) { f.Filters.Rewrite = r },
		"backend.test": func(f *ir.Forward, r *ir.Rewrite) { f.Targets[0].Filters.Rewrite = r },
	} {
		rewritten := func(r ir.Rewrite) *ir.Forward {
			f := to(key)
			set(f, &r)
			return f
		}
		part := func(v string) ir.Rewrite { return ir.Rewrite{Path: &ir.PathRewrite{Prefix: true, Value: v}} }
		w.host(host,
			route("full", prefix("/full"), rewritten(ir.Rewrite{Path: &ir.PathRewrite{Value: "/one%20two"}})),
			route("host", prefix("/host"), rewritten(ir.Rewrite{Hostname: "inner.test"})),
			route("foo", prefix("/foo"), rewritten(part("/xyz"))),
			route("bar", prefix("/bar/"), rewritten(part("/xyz/"))),
			route("root", prefix("/root"), rewritten(part("/"))),
			route("empty", prefix("/empty.+(x"), rewritten(part(""))),
			route("deep", prefix("/back"), rewritten(part(`/a\1b`))),
			route("two", prefix("/caf%C3%A9/old"), rewritten(part("/new"))),
			route("all", prefix("/"), rewritten(part("/under"))),
		)
	}
	w.apply()
	for _, host := range []string{"rewrite.test", "backend.test"} {
		for path, want := range map[string]string{
			"/full/x?q=1":          "/one%20two?q=1",
			"/foo":                 "/xyz",
			"/foo/":                "/xyz/",
			"/foo/bar?q":           "/xyz/bar?q",
			"/foo?to=/foo/bar":     "/xyz?to=/foo/bar",
			"/bar/a":               "/xyz/a",
			"/bar":                 "/xyz",
			"/root":                "/",
			"/root/":               "/",
			"/root/a/b?c":          "/a/b?c",
			"/root?c":              "/?c",
			"/empty.+(x/a":         "/a",
			"/empty.+(x":           "/",
			`/back/c`:              `/a\1b/c`,
			"/caf%c3%a9/old/a%2Fb": "/new/a%2Fb",
			"/caf%C3%A9/old":       "/new",
			"/other/thing":         "/under/other/thing",
			"/":                    "/under/",
			"/foobar":              "/under/foobar",
			"/root/root/a/root/":   "/root/a/root/",
		} {
			out := w.do(ask{host: host, path: path})
			got := out.Path
			if out.status != 200 || strings.ReplaceAll(got, "%5C", `\`) != want {
				t.Errorf("%s%s: %d %s, want %s (%s)", host, path, out.status, got, want, out.text)
			}
		}
		if out := w.do(ask{host: host, path: "/host"}); out.Host != "inner.test" {
			t.Errorf("host %s", out.Host)
		}
	}
}

// TestRewritesApart: each backend of a rule gets what its own filters ask for, and what they leave to the rule.
func TestRewritesApart(t *testing.T) {
	w := newWorld(t)
	plain, moved, renamed := w.service("plain"), w.service("moved"), w.service("renamed")
	for _, key := range []ir.ClusterKey{plain, moved, renamed} {
		f := to(plain)
		f.Targets = []ir.Target{
			{Cluster: plain}, {Cluster: moved, Filters: ir.TargetFilters{Rewrite: &ir.Rewrite{Path: &ir.PathRewrite{Value: "/moved"}}}},
			{Cluster: renamed, Filters: ir.TargetFilters{Rewrite: &ir.Rewrite{Hostname: "renamed.test"}}},
		}
		for i := range f.Targets {
			if f.Targets[i].Cluster == key {
				f.Targets[i].Weight = 1
			}
		}
		f.Filters.Rewrite = &ir.Rewrite{Hostname: "rule.test", Path: &ir.PathRewrite{Prefix: true, Value: "/new"}}
		w.host(key.Name+".test", route("all", prefix("/old"), f))
	}
	w.apply()
	for name, want := range map[string]string{"plain": "rule.test/new/x?q", "moved": "rule.test/moved?q", "renamed": "renamed.test/new/x?q"} {
		if out := w.do(ask{host: name + ".test", path: "/old/x?q"}); out.status != 200 || out.Host+out.Path != want {
			t.Errorf("%s: %d %s%s, want %s", name, out.status, out.Host, out.Path, want)
		}
	}
}

func TestHeaders(t *testing.T) {
	w := newWorld(t)
	f := to(w.service("backend"))
	f.Filters.RequestHeaders = &ir.HeaderChange{
		Set:    []ir.Header{{Name: "X-Set", Value: "100% set"}, {Name: "x-gone", Value: "no"}, {Name: "x-both", Value: "rule"}},
		Add:    []ir.Header{{Name: "X-Set", Value: "added"}, {Name: "x-add", Value: "2"}},
		Remove: []string{"X-Gone", "x-drop"},
	}
	f.Targets[0].Filters.RequestHeaders = &ir.HeaderChange{
		Set: []ir.Header{{Name: "x-both", Value: "backend"}}, Add: []ir.Header{{Name: "x-add", Value: "3"}},
	}
	f.Filters.ResponseHeaders = &ir.HeaderChange{Set: []ir.Header{{Name: "x-rule", Value: "%REQ(x-drop)%"}}}
	f.Targets[0].Filters.ResponseHeaders = &ir.HeaderChange{
		Add: []ir.Header{{Name: "x-target", Value: "yes"}}, Remove: []string{"x-backend"},
	}
	w.host("headers.test", route("r", prefix("/"), f))
	w.apply()
	out := w.expect(ask{host: "headers.test", headers: map[string]string{
		"x-set": "client", "x-gone": "client", "x-drop": "client", "x-add": "1", "x-both": "client",
		"x-gateway-destination-endpoint": "10.0.0.1:80", "X-Gateway-Destination-Endpoint-Served": "a",
		"x-gateway-destination-endpoint-subset": "b",
	}}, 200, "backend")
	for name, want := range map[string]string{
		"x-set": "100% set|added", "x-gone": "", "x-drop": "", "x-add": "1|2|3", "x-both": "backend",
		"x-gateway-destination-endpoint": "", "x-gateway-destination-endpoint-served": "",
		"x-gateway-destination-endpoint-subset": "",
	} {
		if got := strings.Join(out.Headers.Values(name), "|"); strings.ReplaceAll(got, ",", "|") != want {
			t.Errorf("the backend sees %s: %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"x-rule": "%REQ(x-drop)%", "x-target": "yes", "x-backend": ""} {
		if got := out.header.Get(name); got != want {
			t.Errorf("the client sees %s: %q, want %q", name, got, want)
		}
	}
}

func TestInvalidShare(t *testing.T) {
	w := newWorld(t)
	key := w.service("valid")
	half := &ir.Forward{Targets: []ir.Target{{Cluster: key, Weight: 1}, {Invalid: true, Weight: 1}}}
	none := &ir.Forward{Targets: []ir.Target{{Cluster: key, Weight: 1}, {Invalid: true, Weight: 0}}}
	empty := serviceKey("empty")
	w.cluster(ir.Cluster{Key: empty, Protocol: ir.HTTP1})
	w.host("invalid.test",
		route("half", prefix("/half"), half), route("none", prefix("/none"), none),
		route("empty", prefix("/empty"), to(empty)))
	w.apply()
	seen := map[int]int{}
	for range 100 {
		seen[w.do(ask{host: "invalid.test", path: "/half"}).status]++
		w.expect(ask{host: "invalid.test", path: "/none"}, 200, "valid")
	}
	if seen[200] < 20 || seen[500] < 20 || seen[200]+seen[500] != 100 {
		t.Errorf("half of the weight is invalid: %v", seen)
	}
	w.expect(ask{host: "invalid.test", path: "/empty"}, 503, "")
}

func TestCORS(t *testing.T) {
	w := newWorld(t)
	key := w.service("backend")
	with := func(c ir.CORS) *ir.Forward {
		f := to(key)
		f.Filters.CORS = &c
		return f
	}
	get := prefix("/method")
	get.Method = "GET"
	w.host("cors.test",
		route("method", get, with(ir.CORS{AllowOrigins: []string{"https://a.test"}, AllowMethods: []string{"GET"}})),
		route("list", prefix("/list"), with(ir.CORS{
			AllowOrigins: []string{"https://www.foo.com", "https://*.bar.com"}, AllowMethods: []string{"GET", "OPTIONS"},
			AllowHeaders: []string{"x-1", "x-2"}, ExposeHeaders: []string{"x-3"}, AllowCredentials: true, MaxAge: time.Hour,
		})),
		route("all", prefix("/all"), with(ir.CORS{AllowOrigins: []string{"*"}, AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}})),
		route("cred", prefix("/cred"), with(ir.CORS{
			AllowOrigins: []string{"*"}, AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}, AllowCredentials: true,
		})),
	)
	w.apply()
	for _, c := range []struct {
		path, origin                         string
		allow, methods, headers, credentials string
		age                                  string
	}{
		{"/list", "https://www.foo.com", "https://www.foo.com", "GET, OPTIONS", "x-1, x-2", "true", "3600"},
		{"/list", "https://x.www.bar.com", "https://x.www.bar.com", "GET, OPTIONS", "x-1, x-2", "true", "3600"},
		{"/list", "https://bar.com", "", "", "", "", ""},
		{"/list", "https://evil.com/.bar.com", "", "", "", "", ""},
		{"/list", "http://www.foo.com", "", "", "", "", ""},
		{"/all", "https://any.test:123", "https://any.test:123", "PUT", "x-a, x-b", "", "5"},
		{"/cred", "https://any.test", "https://any.test", "PUT", "x-a, x-b", "true", "5"},
		{"/method", "https://a.test", "https://a.test", "GET", "", "", "5"},
	} {
		method := "PUT"
		if c.path == "/method" {
			method = "GET"
		}
		out := w.do(ask{host: "cors.test", method: "OPTIONS", path: c.path, headers: map[string]string{
			"Origin": c.origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "x-a, x-b",
		}})
		if out.status != 200 || out.Backend != "" {
			t.Errorf("preflight of %s from %s: %d, answered by backend %q", c.path, c.origin, out.status, out.Backend)
		}
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin": c.allow, "Access-Control-Allow-Methods": c.methods,
			"Access-Control-Allow-Headers": c.headers, "Access-Control-Allow-Credentials": c.credentials,
			"Access-Control-Max-Age": c.age,
		} {
			// Envoy sends the other headers to foreign origins as well; without an allowed origin
			// they mean nothing to a browser.
			if got := out.header.Get(name); got != want && (c.allow != "" || name == "Access-Control-Allow-Origin") {
				t.Errorf("preflight of %s from %s: %s is %q, want %q", c.path, c.origin, name, got, want)
			}
		}
	}
	out := w.expect(ask{host: "cors.test", path: "/list", headers: map[string]string{"Origin": "https://www.foo.com"}}, 200, "backend")
	if got := out.header.Get("Access-Control-Allow-Origin"); got != "https://www.foo.com" {
		t.Errorf("request of an allowed origin: %q", got)
	}
}

// TestPreflightsOfHeaderMatches: a preflight carries none of the headers that a rule matches, but names them. The rule that takes the
// request answers it.
func TestPreflightsOfHeaderMatches(t *testing.T) {
	w := newWorld(t)
	of := func(name, method string, headers ...ir.ValueMatch) ir.Route {
		f := to(serviceKey("backend"))
		f.Filters.CORS = &ir.CORS{AllowOrigins: []string{"*"}, AllowMethods: []string{name}}
		m := prefix("/")
		m.Method, m.Headers = method, headers
		return route(name, m, f)
	}
	w.service("backend")
	hosts := w.everywhere(
		of("BOTH", "PUT", ir.ValueMatch{Name: "x-team", Value: "red"}, ir.ValueMatch{Name: "x-a.b", Value: ".*", Regex: true}),
		of("TEAM", "", ir.ValueMatch{Name: "X-Team", Value: "red"}),
		of("ORIGIN", "", ir.ValueMatch{Name: "origin", Value: "https://o.test"}),
		of("COOKIE", "DELETE", ir.ValueMatch{Name: "cookie", Value: "a=1"}),
		route("rest", prefix("/"), &ir.Respond{StatusCode: 404}),
	)
	w.apply()
	for _, host := range hosts {
		for _, c := range []struct{ origin, method, headers, want string }{
			{"https://a.test", "PUT", "x-a.b,x-team", "BOTH"}, {"https://a.test", "PUT", "X-Team, X-A.B", "BOTH"},
			{"https://a.test", "GET", "x-team", "TEAM"}, {"https://a.test", "PUT", "x-b, X-TEAM ,x-c", "TEAM"}, {"https://o.test", "PUT",
				"x-team", "TEAM"},
			{"https://o.test", "PUT", "x-teams", "ORIGIN"}, {"https://a.test", "DELETE", "x-other", "COOKIE"},
			{"https://a.test", "PUT", "x-teams,y-x-team", ""}, {"https://a.test", "PUT", "", ""}, {"", "GET", "x-team", ""},
		} {
			headers := map[string]string{"Access-Control-Request-Method": c.method}
			for name, value := range map[string]string{"Origin": c.origin, "Access-Control-Request-Headers": c.headers} {
				if value != "" {
					headers[name] = value
				}
			}
			out := w.do(ask{host: host, method: "OPTIONS", headers: headers})
			if got := out.header.Get("Access-Control-Allow-Methods"); got != c.want || (out.status == 200) != (c.want != "") || out.Backend != "" {
				t.Errorf("%s: %+v: %d %q by backend %q", host, c, out.status, got, out.Backend)
			}
		}
		w.expect(ask{host: host, headers: map[string]string{"x-team": "red", "Origin": "https://a.test"}}, 200, "backend")
		w.expect(ask{host: host, headers: map[string]string{"x-team": "blue", "Origin": "https://a.test"}}, 404, "")
	}
}

func TestMirrorsRetriesTimeouts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	backend := w.service("backend")
	copies := make(chan string, 64)
	sink := w.cluster(ir.Cluster{Key: serviceKey("sink"), Protocol: ir.HTTP1}, server(t, func(_ http.ResponseWriter, in *http.Request) {
		copies <- in.Host + in.URL.Path
	}))
	mirrored := to(backend)
	mirrored.Filters.Mirrors = []ir.Mirror{{Cluster: sink, Numerator: 100, Denominator: 100}, {Cluster: sink, Numerator: 1, Denominator: 1}}
	mirrored.Filters.Mirrors[1].Denominator, mirrored.Filters.Mirrors[1].Numerator = 1_000_000, 1_000_000
	mirrored.Filters.Rewrite = &ir.Rewrite{Path: &ir.PathRewrite{Value: "/new"}}

	var attempts int
	flaky := w.cluster(ir.Cluster{Key: serviceKey("flaky"), Protocol: ir.HTTP1}, server(t, func(out http.ResponseWriter, in *http.Request) {
		attempts++
		if attempts%3 != 0 {
			code, _ := strconv.Atoi(in.Header.Get("x-fail"))
			out.WriteHeader(code)
		}
	}))
	retried := to(flaky)
	retried.Retry = &ir.Retry{Attempts: 3, Codes: []uint32{500, 503}, Backoff: 10 * time.Millisecond}

	slow := w.cluster(ir.Cluster{Key: serviceKey("slow"), Protocol: ir.HTTP1}, server(t, func(_ http.ResponseWriter, in *http.Request) {
		select {
		case <-time.After(1500 * time.Millisecond):
		case <-in.Context().Done():
		}
	}))
	with := func(timeouts ir.Timeouts, retry *ir.Retry) *ir.Forward {
		f := to(slow)
		f.Timeouts, f.Retry = timeouts, retry
		return f
	}
	w.host("rest.test",
		route("mirror", prefix("/mirror"), mirrored),
		route("retry", prefix("/retry"), retried),
		route("request", prefix("/request"), with(ir.Timeouts{Request: limit(200 * time.Millisecond)}, nil)),
		route("attempt", prefix("/attempt"), with(ir.Timeouts{Request: limit(time.Second), BackendRequest: limit(200 * time.Millisecond)}, nil)),
		route("attempts", prefix("/retries"),
			with(ir.Timeouts{BackendRequest: limit(200 * time.Millisecond)}, &ir.Retry{Attempts: 1, Backoff: time.Millisecond})),
		route("zero", prefix("/zero"), with(ir.Timeouts{Request: limit(0), BackendRequest: limit(0)}, nil)),
		route("idle", prefix("/idle"), with(ir.Timeouts{Idle: limit(200 * time.Millisecond)}, nil)),
		route("default", prefix("/"), with(ir.Timeouts{}, nil)),
	)
	w.apply()

	w.expect(ask{host: "rest.test", path: "/mirror/x"}, 200, "backend")
	for range 2 {
		select {
		case got := <-copies:
			if got != "rest.test/new" {
				t.Errorf("the copy was sent to %s", got)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("a copy is missing")
		}
	}
	w.expect(ask{host: "rest.test", path: "/retry", headers: map[string]string{"x-fail": "503"}}, 200, "")
	if attempts != 3 {
		t.Errorf("%d attempts for two failures", attempts)
	}
	w.expect(ask{host: "rest.test", path: "/retry", headers: map[string]string{"x-fail": "502"}}, 502, "")
	for path, want := range map[string]int{
		"/request": 504, "/attempt": 504, "/retries": 504, "/zero": 200, "/default": 200, "/idle": 504,
	} {
		start := time.Now()
		w.expect(ask{host: "rest.test", path: path}, want, "")
		if took := time.Since(start); (want == 504) != (took < time.Second) {
			t.Errorf("%s took %v", path, took)
		}
	}
}

func TestWebSocket(t *testing.T) {
	w := newWorld(t)
	w.host("ws.test", route("r", prefix("/"), to(w.service("exact"))))
	w.wildcards(ir.Host{Chain: w.chain, Hostname: "*.ws.test", Routes: []ir.Route{route("r", prefix("/"), to(w.service("wild")))}})
	w.apply()
	for host, backend := range map[string]string{"ws.test": "exact", "WS.test": "exact", "a.ws.test": "wild"} {
		if got := w.upgrade(host); got != backend+":ping" {
			t.Errorf("%s: %q", host, got)
		}
	}
}

// upgrade switches to WebSocket and returns what comes back for "ping".
func (w *world) upgrade(host string) string {
	w.t.Helper()
	return w.upgradeTo(host, "/", "websocket")
}

// upgradeTo is upgrade with a path, and with what the Upgrade header offers.
func (w *world) upgradeTo(host, path, offer string) string {
	w.t.Helper()
	connection := w.dial()
	defer connection.Close()
	_, err := io.WriteString(connection, "GET "+path+" HTTP/1.1\r\nHost: "+host+
		"\r\nConnection: Upgrade\r\nUpgrade: "+offer+"\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n")
	if err != nil {
		w.t.Fatal(err)
	}
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return err.Error()
	}
	if response.StatusCode != 101 {
		return response.Status
	}
	name, err := reader.ReadString(':')
	if err != nil {
		return err.Error()
	}
	_, _ = io.WriteString(connection, "ping")
	pong := make([]byte, 4)
	if _, err := io.ReadFull(reader, pong); err != nil {
		return err.Error()
	}
	return name + string(pong)
}
