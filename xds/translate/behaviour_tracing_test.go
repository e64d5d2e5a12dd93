package translate_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/logformat"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

const (
	clientKind, serverKind = tracev1.Span_SPAN_KIND_CLIENT, tracev1.Span_SPAN_KIND_SERVER
	theirTrace             = "0af7651916cd43dd8448eb211c80319c"
	theirSpan              = "b7ad6b7169203331"
)

// parentOf is a traceparent of a client.
func parentOf(sampled bool) map[string]string {
	flags := "00"
	if sampled {
		flags = "01"
	}
	return map[string]string{"traceparent": "00-" + theirTrace + "-" + theirSpan + "-" + flags}
}

// collector adds a cluster for spans with addresses.
func (w *world) collector(name string, addresses ...string) ir.ClusterKey {
	w.t.Helper()
	key := serviceKey(name)
	key.Route = ir.RouteTraces
	return w.cluster(ir.Cluster{Key: key, Protocol: ir.HTTP2}, addresses...)
}

// traced serves the port of the world with tracing.
func (w *world) traced(tracing *ir.Tracing) {
	w.t.Helper()
	w.listener(ir.Listener{Port: w.port, Transport: ir.TCP, Chains: []ir.Chain{{ID: w.chain, Tracing: tracing}}})
}

// spans waits for a number of spans of a trace, and returns them by name.
func spans(t *testing.T, collector *proxytest.Collector, trace string, number int) map[string]proxytest.Span {
	t.Helper()
	var found []proxytest.Span
	gomega.NewWithT(t).Eventually(func() int {
		found = slices.DeleteFunc(collector.Spans(), func(s proxytest.Span) bool { return s.Trace != trace })
		return len(found)
	}, 15*time.Second, 50*time.Millisecond).Should(gomega.Equal(number), "spans of trace %s", trace)
	named := map[string]proxytest.Span{}
	for _, span := range found {
		named[span.Name] = span
	}
	return named
}

// TestTraceOfARequest: one root span with what is known of the request, and below it those of the question to the controllers, of
// that to the endpoint picker and of the request to the backend. Each gets its parent.
func TestTraceOfARequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	collector, holder, picker := proxytest.StartCollector(t), proxytest.StartHolder(t), proxytest.StartPicker(t, "picker")
	pod := echo(t, "pod")
	picker.Pick(pod)
	w.host("pool.test",
		route("pool", prefix("/v1"), &ir.Forward{Targets: []ir.Target{w.held(w.bounded(w.pool("pool", false, picker, pod), 5*time.Second), holder)}}),
		route("bad", prefix("/bad"), &ir.Respond{StatusCode: 500, Reason: "BackendNotFound"}))
	tags := []ir.Tag{
		{Name: "literal", Literal: "%ENVIRONMENT(PATH)%"}, {Name: "header", Header: "x-team"}, {Name: "absent", Header: "x-none"},
		{Name: "default", Header: "x-none", Default: "nobody"}, {Name: "format", Format: "%REQ(:METHOD)%-%RESPONSE_CODE%"},
	}
	for _, key := range logformat.Attributes() {
		known, _ := logformat.AttributeOf(key)
		tags = append(tags, ir.Tag{Name: "known." + key, Format: known.Format, Integer: known.Integer})
	}
	w.traced(&ir.Tracing{
		Collector: w.collector("collector", collector.Address), ServiceName: "web", Sampling: ir.Million,
		Headers: []ir.Header{{Name: "x-key", Value: "a b"}}, Tags: tags,
	})
	w.apply()
	headers := parentOf(true)
	headers["x-team"], headers["user-agent"] = "blue", "tester"
	out := w.expect(ask{host: "pool.test", path: "/v1/chat?key=1", method: "POST", body: "prompt", headers: headers}, 200, "pod")

	found := spans(t, collector, theirTrace, 4)
	root, upstream := found["POST pool"], found["POST pool/test/pool"]
	if root.Kind != serverKind || root.Parent != theirSpan || root.Resource["service.name"] != "web" {
		t.Errorf("root: %+v", root)
	}
	want := map[string]string{
		"http.request.method": "POST", "http.response.status_code": "200", "http.route": "pool", "url.path": "/v1/chat", "url.scheme": "http",
		"server.address": "pool.test", "user_agent.original": "tester", "client.address": "127.0.0.1", "network.peer.address": "127.0.0.1",
		"kedify.cold_start": "false", "kedify.held_ms": "0", "kedify.details": "via_upstream",
		"literal": "%ENVIRONMENT(PATH)%", "header": "blue", "default": "nobody", "format": "POST-200",
		"http.url": "http://pool.test/v1/chat?key=1",
	}
	for name, value := range want {
		if root.Attributes[name] != value {
			t.Errorf("root: %s is %q, want %q", name, root.Attributes[name], value)
		}
	}
	for _, key := range logformat.Attributes() {
		value, known := root.Typed["known."+key], root.Attributes["known."+key]
		_, number := value.GetValue().(*commonv1.AnyValue_IntValue)
		if attribute, _ := logformat.AttributeOf(key); !strings.HasPrefix(key, "tls.") && (known == "" || known == "-" ||
			number != attribute.Integer) {
			t.Errorf("root: the attribute %s is %v", key, value)
		}
	}
	for _, name := range []string{"absent", "known.tls.client.server_name", "known.tls.client.subject", "kedify.reason",
		"kedify.scaled_object"} {
		if value, set := root.Attributes[name]; set {
			t.Errorf("root: %s is %q", name, value)
		}
	}
	if _, number := root.Typed["kedify.held_ms"].GetValue().(*commonv1.AnyValue_IntValue); !number {
		t.Errorf("kedify.held_ms is %v", root.Typed["kedify.held_ms"])
	}
	if upstream.Kind != clientKind || upstream.Parent != root.ID || out.Headers.Get("traceparent") != "00-"+theirTrace+"-"+upstream.ID+"-01" {
		t.Errorf("to the backend: %+v, which got %v", upstream, out.Headers)
	}
	for cluster, parent := range map[string]string{"pool/test/pool/hold": holder.Asked()[0].Parent,
		"picker/test/pool/9002/relay": picker.Parents()[0]} {
		at := slices.IndexFunc(collector.Spans(), func(s proxytest.Span) bool { return parent == "00-"+theirTrace+"-"+s.ID+"-01" })
		if at < 0 {
			t.Errorf("%s: no span of traceparent %q", cluster, parent)
			continue
		}
		child := collector.Spans()[at]
		if child.Kind != clientKind || child.Parent != root.ID || child.Attributes["upstream_cluster"] != cluster ||
			child.Name != "async envoy.service.ext_proc.v3.ExternalProcessor.Process egress" {
			t.Errorf("%s: %+v", cluster, child)
		}
	}
	for _, call := range collector.Calls() {
		if got := call.Get("x-key"); !slices.Equal(got, []string{"a b"}) {
			t.Errorf("metadata %v", got)
		}
	}

	// Why the proxy answers itself. A trace that begins here has a root without a parent.
	w.expect(ask{host: "pool.test", path: "/bad"}, 500, "")
	gomega.NewWithT(t).Eventually(func() bool {
		return slices.ContainsFunc(collector.Spans(), func(s proxytest.Span) bool {
			return s.Name == "GET bad" && s.Parent == "" && s.Attributes["kedify.reason"] == "BackendNotFound" &&
				s.Attributes["http.response.status_code"] == "500"
		})
	}, 10*time.Second, 50*time.Millisecond).Should(gomega.BeTrue())
}

// TestTraceSampling: which requests are traced, whatever their clients say.
func TestTraceSampling(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	collector := proxytest.StartCollector(t)
	key, backend := w.collector("collector", collector.Address), w.service("a")
	const half, all = ir.Million / 2, ir.Million
	forged := map[string]string{
		"x-request-id": "00000000-0000-9000-9000-000000000000", "x-envoy-force-trace": "true", "x-client-trace-id": "1", "x-gw-lot": "0",
	}
	type share struct{ none, part bool }
	never, sometimes, always := share{none: true}, share{part: true}, share{}
	clients := []map[string]string{nil, parentOf(true), parentOf(false), forged, {"traceparent": parentOf(true)["traceparent"],
		"x-gw-lot": "0"}}
	cases := []struct {
		name    string
		tracing ir.Tracing
		// want for a client without a trace, with one that it samples, with one that it does not, and for two that forge.
		want [5]share
	}{
		{"all", ir.Tracing{Sampling: all}, [5]share{always, always, always, always, always}},
		{"half", ir.Tracing{Sampling: half}, [5]share{sometimes, sometimes, sometimes, sometimes, sometimes}},
		{"none but parents", ir.Tracing{Sampling: 0, Parent: ptr.To[uint32](all)}, [5]share{never, always, never, never, always}},
		{"half of parents", ir.Tracing{Sampling: all, Parent: ptr.To[uint32](half)}, [5]share{always, sometimes, never, always, sometimes}},
		{"no parents", ir.Tracing{Sampling: all, Parent: ptr.To[uint32](0)}, [5]share{always, never, never, always, never}},
		{"half, and parents", ir.Tracing{Sampling: half, Parent: ptr.To[uint32](all)}, [5]share{sometimes, always, never, sometimes, always}},
	}
	ports := make([]uint32, len(cases))
	for i, c := range cases {
		ports[i] = uint32(proxytest.Port(t))
		w.port, w.chain = ports[i], strconv.Itoa(int(ports[i]))
		c.tracing.Collector, c.tracing.ServiceName = key, c.name
		w.traced(&c.tracing)
		w.host("t.test", route("a", prefix("/"), to(backend)))
	}
	w.apply()
	const asked = 120 // with one half: 60, and beyond 25 and 95 once in a billion
	wanted := map[string]int{}
	for i, c := range cases {
		w.port = ports[i]
		w.listens()
		for j, headers := range clients {
			sampled := 0
			for range asked {
				parent := w.do(ask{host: "t.test", headers: headers}).Headers.Get("traceparent")
				if strings.HasSuffix(parent, "-01") {
					sampled++
				}
				if headers["traceparent"] != "" && !strings.HasPrefix(parent, "00-"+theirTrace+"-") {
					t.Fatalf("%s: the backend got %q", c.name, parent)
				}
			}
			wanted[c.name] += 2 * sampled
			switch want := c.want[j]; {
			case want.none && sampled > 0, want == always && sampled < asked, want.part && (sampled < 25 || sampled > 95):
				t.Errorf("%s, client %d: %d of %d are traced", c.name, j, sampled, asked)
			}
		}
	}
	gomega.NewWithT(t).Eventually(func() map[string]int {
		got := map[string]int{}
		for _, span := range collector.Spans() {
			got[span.Resource["service.name"]]++
		}
		return got
	}, 15*time.Second, 100*time.Millisecond).Should(gomega.Equal(wanted))
}

// TestTraceOff: without tracing what a client says about its trace passes as it is.
func TestTraceOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host("t.test", route("a", prefix("/"), to(w.service("a"))))
	w.apply()
	headers := parentOf(true)
	headers["tracestate"] = "a=b"
	got := w.do(ask{host: "t.test", headers: headers}).Headers
	if got.Get("traceparent") != headers["traceparent"] || got.Get("tracestate") != "a=b" {
		t.Errorf("%v", got)
	}
	if bare := w.do(ask{host: "t.test"}).Headers; bare.Get("traceparent") != "" {
		t.Errorf("%v", bare)
	}
}

// TestTraceCollectorFails: requests are served as ever while the collector refuses, hangs, is gone or was never there, and what comes
// later is sent when it is back.
func TestTraceCollectorFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	collector := proxytest.StartCollector(t)
	w.host("t.test", route("a", prefix("/"), to(w.service("a"))))
	key := w.collector("collector", collector.Address)
	w.traced(&ir.Tracing{Collector: key, ServiceName: "web", Sampling: ir.Million})
	w.apply()
	const requests, slowest = 600, 2 * time.Second
	serve := func(state string) {
		t.Helper()
		begun := time.Now()
		for i := range requests {
			one := time.Now()
			if out, err := w.try(ask{host: "t.test", path: "/" + strconv.Itoa(i)}); err != nil || out.status != http.StatusOK ||
				time.Since(one) > slowest {
				t.Fatalf("%s: %d %v after %s", state, out.status, err, time.Since(one))
			}
		}
		t.Logf("%s: %d requests in %s", state, requests, time.Since(begun))
	}
	serve("taking")
	collector.Answer(func(context.Context) error { return errors.New("no") })
	serve("refusing")
	collector.Answer(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	serve("hanging")
	w.endpoints(key, fmt.Sprintf("127.0.0.1:%d", proxytest.Port(t)))
	w.apply()
	serve("dead")
	w.endpoints(key)
	w.apply()
	serve("gone")
	missing := serviceKey("missing")
	missing.Route = ir.RouteTraces
	w.traced(&ir.Tracing{Collector: missing, ServiceName: "web", Sampling: ir.Million})
	w.apply()
	serve("without a cluster")
	for range 2 { // the cluster comes and goes, and the listener stays as it is
		collector.Answer(func(context.Context) error { return nil })
		taken := len(collector.Spans())
		w.collector("missing", collector.Address)
		w.apply()
		gomega.NewWithT(t).Eventually(func() int {
			w.do(ask{host: "t.test"})
			return len(collector.Spans())
		}, 30*time.Second, 200*time.Millisecond).Should(gomega.BeNumerically(">", taken))
		w.set.Remove = []resource.Key{{Type: resource.Cluster, Name: translate.ClusterName(missing)}}
		w.apply()
		w.do(ask{host: "t.test"})
	}

	collector.Answer(func(context.Context) error { return nil })
	w.endpoints(key, collector.Address)
	w.traced(&ir.Tracing{Collector: key, ServiceName: "back", Sampling: ir.Million})
	w.apply()
	gomega.NewWithT(t).Eventually(func() bool {
		w.do(ask{host: "t.test"})
		return slices.ContainsFunc(collector.Spans(), func(s proxytest.Span) bool { return s.Resource["service.name"] == "back" })
	}, 30*time.Second, 200*time.Millisecond).Should(gomega.BeTrue())
}
