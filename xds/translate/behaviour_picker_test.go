package translate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/translate"
)

// pool adds an InferencePool with its picker, which has as long as it wants.
func (w *world) pool(name string, failOpen bool, picker *proxytest.Picker, addresses ...string) ir.Target {
	w.t.Helper()
	key := ir.ClusterKey{Kind: ir.BackendPool, Namespace: "test", Name: name}
	w.cluster(ir.Cluster{Key: key, Protocol: ir.HTTP1, Pool: &ir.Pool{FailOpen: failOpen}}, addresses...)
	pickerKey := ir.ClusterKey{Kind: ir.BackendPicker, Namespace: "test", Name: name, Port: 9002}
	var pickers []string
	if picker != nil {
		pickers = append(pickers, picker.Address)
	}
	w.cluster(ir.Cluster{Key: pickerKey, Protocol: ir.HTTP2, TLS: &ir.UpstreamTLS{Insecure: true}}, pickers...)
	return ir.Target{Cluster: key, Weight: 1, Picker: &ir.Picker{Cluster: pickerKey, FailOpen: failOpen}}
}

// bounded gives the picker of a pool a time.
func (w *world) bounded(target ir.Target, limit time.Duration) ir.Target {
	w.t.Helper()
	picker := *target.Picker
	picker.Timeout = limit
	target.Picker = &picker
	w.one(translate.Cluster(ir.Cluster{Key: picker.AskedBy(), Protocol: ir.HTTP2}))
	return target
}

func TestPickers(t *testing.T) {
	w := newWorld(t)
	a1, a2, b1 := echo(t, "a1"), echo(t, "a2"), echo(t, "b1")
	one, two := proxytest.StartPicker(t, "one"), proxytest.StartPicker(t, "two")
	// The relay in front of pickers that are alive changes nothing.
	poolA, poolB := w.bounded(w.pool("a", false, one, a1, a2), 5*time.Second), w.bounded(w.pool("b", true, two, b1), 5*time.Second)
	one.Pick(a2)
	two.Pick(b1)
	split := &ir.Forward{Targets: []ir.Target{poolA, poolB, {Cluster: w.service("plain"), Weight: 1}}}
	// With CORS, retries and header changes on the same rule the pickers must survive.
	split.Filters.CORS = &ir.CORS{AllowOrigins: []string{"*"}}
	split.Retry = &ir.Retry{Attempts: 1, Codes: []uint32{503}}
	split.Filters.RequestHeaders = &ir.HeaderChange{Set: []ir.Header{{Name: "x-rule", Value: "1"}}}
	full := poolA
	full.Picker = &ir.Picker{Cluster: poolA.Picker.Cluster, ResponseBody: true, Timeout: poolA.Picker.Timeout}
	w.host("pool.test",
		route("moved", ir.Match{Path: ir.PathMatch{Value: "/"}, Headers: []ir.ValueMatch{{Name: "x-picker", Value: "one"}}},
			&ir.Respond{StatusCode: 418}),
		route("full", prefix("/full"), &ir.Forward{Targets: []ir.Target{full}}),
		route("split", prefix("/"), split),
	)
	w.wildcards(ir.Host{Chain: w.chain, Hostname: "*.pool.test", Routes: []ir.Route{
		route("wild", prefix("/"), &ir.Forward{Targets: []ir.Target{poolA}})}})
	w.apply()

	body := strings.Repeat("prompt ", 10_000)
	seen := map[string]int{}
	for i := range 150 {
		a := ask{host: "pool.test", path: "/v1", method: "POST", body: body,
			headers: map[string]string{"x-gateway-destination-endpoint": a1}}
		if i%3 == 0 {
			a.method, a.body = "GET", ""
		}
		if i%5 == 0 {
			a.host = "POOL.test" // found by the fallback filter only
		}
		out := w.do(a)
		seen[out.Backend]++
		want := map[string]string{"a2": "one", "b1": "two", "plain": ""}
		picker, ok := want[out.Backend]
		if !ok || out.status != 200 || out.Headers.Get("x-picker") != picker || out.Body != a.body || out.Headers.Get("x-rule") != "1" {
			t.Fatalf("%s %s: %d from %q with picker %q and %d of %d bytes (%.200s)", a.method, a.host, out.status, out.Backend,
				out.Headers.Get("x-picker"), len(out.Body), len(a.body), out.text)
		}
	}
	for _, backend := range []string{"a2", "b1", "plain"} {
		if seen[backend] < 25 {
			t.Errorf("a third each, but %v", seen)
		}
	}
	paths, served := one.Seen()
	if len(paths) != seen["a2"] || len(served) != seen["a2"] {
		t.Errorf("picker one was asked %d times and told of %d answers, %d requests went to its pool", len(paths), len(served), seen["a2"])
	}
	for _, endpoint := range served {
		if endpoint != a2 {
			t.Fatalf("picker one was told that %q served, not %s", endpoint, a2)
		}
	}

	w.expect(ask{host: "x.pool.test", method: "POST", body: body}, 200, "a2")
	w.expect(ask{host: "pool.test", path: "/full", method: "POST", body: body}, 200, "a2")
	if log := w.proxy.Output(); !strings.Contains(log, `"picked":"`+a2+`"`) || !strings.Contains(log, `"served":"`+a2+`"`) ||
		!strings.Contains(log, `"route":"split"`) {
		t.Error("the access log does not say what was picked and what served")
	}
}

func TestPickerFailures(t *testing.T) {
	w := newWorld(t)
	endpoint, foreign := echo(t, "pod"), echo(t, "foreign")
	dead := "127.0.0.1:1"
	silent, picker := proxytest.StartPicker(t, "silent"), proxytest.StartPicker(t, "picker")
	forward := func(target ir.Target, retry *ir.Retry) *ir.Forward {
		return &ir.Forward{Targets: []ir.Target{target}, Retry: retry}
	}
	var routes []ir.Route
	for name, failOpen := range map[string]bool{"closed": false, "open": true} {
		routes = append(routes,
			route("gone", prefix("/gone/"+name), forward(w.pool("gone-"+name, failOpen, nil, endpoint), nil)),
			route("silent", prefix("/silent/"+name), forward(w.pool("silent-"+name, failOpen, silent, endpoint), nil)),
			route("picked", prefix("/picked/"+name), forward(w.pool("picked-"+name, failOpen, picker, endpoint, dead), &ir.Retry{Attempts: 2})),
			route("empty", prefix("/empty/"+name), forward(w.pool("empty-"+name, failOpen, picker), nil)),
		)
	}
	w.host("fail.test", routes...)
	w.apply()

	for _, c := range []struct {
		name, pick, path string
		status           int
	}{
		{"no picker, closed", "", "/gone/closed", 503},
		{"no picker, open", "", "/gone/open", 200},
		{"no pick, closed", "", "/silent/closed", 503},
		{"no pick, open", "", "/silent/open", 200},
		{"foreign, closed", foreign, "/picked/closed", 503},
		{"foreign, open", foreign, "/picked/open", 200},
		{"list with a foreign one, closed", foreign + "," + endpoint, "/picked/closed", 200},
		{"junk, closed", "junk", "/picked/closed", 503},
		{"dead one first, closed", dead + "," + endpoint, "/picked/closed", 200},
		{"no endpoint, open", endpoint, "/empty/open", 503},
		{"no endpoint, closed", endpoint, "/empty/closed", 503},
	} {
		picker.Pick(c.pick)
		for _, body := range []string{"", strings.Repeat("x", 100_000)} {
			method := "GET"
			if body != "" {
				method = "POST"
			}
			out := w.do(ask{host: "fail.test", path: c.path, method: method, body: body})
			if out.status != c.status || (c.status == 200 && (out.Backend != "pod" || out.Body != body)) {
				t.Errorf("%s, %d bytes: %d from %q with %d bytes, want %d (%.100s)", c.name, len(body), out.status, out.Backend,
					len(out.Body), c.status, out.text)
			}
		}
	}
}

// TestPickerNotListening has pickers that refuse connections, as the reference picker does for
// up to two seconds after it called itself ready: no request may be lost on them.
func TestPickerNotListening(t *testing.T) {
	w := newWorld(t)
	pod, other := echo(t, "pod"), echo(t, "other")
	late, listen := proxytest.LatePicker(t, "late")
	ready := proxytest.StartPicker(t, "ready")
	late.Pick(pod)
	ready.Pick(pod)
	open, closed := w.pool("open", true, late, pod, other), w.pool("closed", false, nil, pod, other)
	w.endpoints(closed.Picker.Cluster, late.Address, ready.Address)
	w.host("late.test",
		route("open", prefix("/open"), &ir.Forward{Targets: []ir.Target{open}}),
		route("closed", prefix("/closed"), &ir.Forward{Targets: []ir.Target{closed}}))
	w.apply()
	send := func(path string) answer {
		return w.do(ask{host: "late.test", path: path, method: "POST", body: strings.Repeat("x", 100_000)})
	}
	for range 20 {
		if out := send("/open"); out.status != 200 || out.Body == "" {
			t.Errorf("a pool that fails open, and its only picker refuses: %d %.100s", out.status, out.text)
		}
		if out := send("/closed"); out.status != 200 || out.Backend != "pod" {
			t.Errorf("a pool that fails closed, and one of two pickers refuses: %d from %q %.100s", out.status, out.Backend, out.text)
		}
	}
	listen()
	begun := time.Now()
	gomega.NewWithT(t).Eventually(func() []string {
		if out := send("/open"); out.status != 200 {
			t.Errorf("while the picker begins to listen: %d %.100s", out.status, out.text)
		}
		paths, _ := late.Seen()
		return paths
	}).WithTimeout(10*time.Second).WithPolling(20*time.Millisecond).ShouldNot(gomega.BeEmpty(), "requests to the picker that listens now")
	t.Logf("asked %s after it listened", time.Since(begun).Round(time.Millisecond))
}
