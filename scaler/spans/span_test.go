package spans_test

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/scaler/spans"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

// TestSpan: what a collector gets of a request that was released, of one that the product failed, and of one of which little is known.
func TestSpan(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "k8s.cluster.name=east")
	collector := proxytest.StartCollector(t)
	r := record(t, "http://"+collector.Address)
	began := time.Unix(1_700_000_000, 0)
	trigger := &scaler.Scaler{Key: types.NamespacedName{Namespace: "shop", Name: "web-0"}}
	trigger.Spec.ScaledObject, trigger.Spec.Trigger = "web", strings.Repeat("x", 300)
	gateway := types.NamespacedName{Namespace: "edge", Name: "gw"}
	ctx := call("traceparent", sampled, "tracestate", "vendor=1")
	r.Waited(ctx, hold.Wait{Gateway: gateway, Scaler: trigger, Answer: "released", Position: 3, Endpoints: 2,
		Since: began, Until: began.Add(1500 * time.Millisecond)})
	r.Waited(ctx, hold.Wait{Gateway: gateway, Scaler: trigger, Answer: "max_pending", Failed: true, Since: began, Until: began})
	r.Waited(ctx, hold.Wait{Gateway: gateway, Answer: "client_gone", Position: 1, Since: began, Until: began.Add(time.Minute)})
	r.Close() // exports at once

	got := collector.Spans()
	if len(got) != 3 {
		t.Fatalf("%d spans", len(got))
	}
	for i, want := range []map[string]string{
		{"kedify.gateway": "edge/gw", "kedify.scaled_object": "shop/web", "kedify.trigger": "web-0", "kedify.hold.answer": "released",
			"kedify.hold.position": "3", "kedify.hold.endpoints": "2", "kedify.hold.seconds": "1.5"},
		{"kedify.gateway": "edge/gw", "kedify.scaled_object": "shop/web", "kedify.trigger": "web-0", "kedify.hold.answer": "max_pending",
			"kedify.hold.seconds": "0", "error.type": "max_pending"},
		{"kedify.gateway": "edge/gw", "kedify.hold.answer": "client_gone", "kedify.hold.position": "1", "kedify.hold.seconds": "60"},
	} {
		for key, value := range got[i].Attributes {
			got[i].Attributes[key] = strings.TrimPrefix(value, "double_value:")
		}
		if diff := cmp.Diff(want, got[i].Attributes); diff != "" {
			t.Errorf("span %d:\n%s", i, diff)
		}
	}
	first := got[0]
	if first.Name != "hold" || first.Trace != traceID || first.Parent != parentID || first.State != "vendor=1" ||
		first.Kind != tracev1.Span_SPAN_KIND_SERVER || first.Status != tracev1.Status_STATUS_CODE_UNSET ||
		first.Start != uint64(began.UnixNano()) || first.End-first.Start != uint64(1500*time.Millisecond) {
		t.Errorf("%+v", first)
	}
	if got[1].Status != tracev1.Status_STATUS_CODE_ERROR || got[1].ID == first.ID {
		t.Errorf("%+v", got[1])
	}
	for key, want := range map[string]string{
		"service.name": "kedify-gateway", "service.version": "dev", "service.instance.id": "kedify-gateway-0",
		"k8s.namespace.name": "kedify-system", "k8s.pod.name": "kedify-gateway-0", "k8s.cluster.name": "east", "telemetry.sdk.language": "go",
	} {
		if first.Resource[key] != want {
			t.Errorf("resource: %s is %q, want %q", key, first.Resource[key], want)
		}
	}
}

// TestParents: a span is made where the proxy samples, and what a proxy says that is no traceparent costs nothing and makes none.
func TestParents(t *testing.T) {
	many := func(key, value string) []string { return slices.Repeat([]string{key, value}, 1000) }
	long := strings.Repeat("0", 1<<20)
	for name, c := range map[string]struct {
		metadata []string
		want     bool
	}{
		"sampled":             {[]string{"traceparent", sampled}, true},
		"a later version":     {[]string{"traceparent", "cc" + sampled[2:] + "-more"}, true},
		"a state of nonsense": {[]string{"traceparent", sampled, "tracestate", "=,=,\x00"}, true},
		"a long state":        {[]string{"traceparent", sampled, "tracestate", "a=" + long}, true},
		"many states":         {append([]string{"traceparent", sampled}, many("tracestate", "a=1")...), true},
		"none":                {nil, false},
		"not sampled":         {[]string{"traceparent", sampled[:53] + "00"}, false},
		"two":                 {[]string{"traceparent", sampled, "traceparent", sampled}, false},
		"many":                {many("traceparent", sampled), false},
		"empty":               {[]string{"traceparent", ""}, false},
		"long":                {[]string{"traceparent", "cc" + sampled[2:] + "-" + long}, false},
		"no trace":            {[]string{"traceparent", "00-00000000000000000000000000000000-" + parentID + "-01"}, false},
		"no span":             {[]string{"traceparent", "00-" + traceID + "-0000000000000000-01"}, false},
		"capitals":            {[]string{"traceparent", strings.ToUpper(sampled)}, false},
		"a version of none":   {[]string{"traceparent", "ff" + sampled[2:]}, false},
		"other bytes":         {[]string{"traceparent", "00-" + strings.Repeat("\xff", 32) + "-" + parentID + "-01"}, false},
		"a state alone":       {[]string{"tracestate", "a=1"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			collector := proxytest.StartCollector(t)
			r := record(t, "http://"+collector.Address)
			r.Waited(call(c.metadata...), short())
			r.Close()
			got := collector.Spans()
			if len(got) > 0 != c.want {
				t.Fatalf("spans %+v", got)
			}
			if c.want && (got[0].Trace != traceID || got[0].Parent != parentID || got[0].State != "") {
				t.Errorf("%+v", got[0])
			}
		})
	}
}

// FuzzParent: whatever the metadata of a call has, a parent that is sampled is one that a traceparent names.
func FuzzParent(f *testing.F) {
	f.Add(sampled, "vendor=1")
	f.Add("01-"+sampled[3:]+"-x", "")
	f.Add("00-0-0-1", "a=b,c=d")
	f.Fuzz(func(t *testing.T, parent, state string) {
		got := spans.ParentOf(call("traceparent", parent, "tracestate", state))
		if !got.IsValid() {
			return
		}
		if !strings.HasPrefix(parent[2:], "-"+got.TraceID().String()+"-"+got.SpanID().String()+"-") || len(got.TraceState().String()) > 2*512 {
			t.Errorf("%q, %q: %+v", parent, state, got)
		}
	})
}

// TestTLS: https takes an authority from the environment, and trusts no other.
func TestTLS(t *testing.T) {
	keys := proxytest.NewKeys(t)
	file := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(file, keys.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	collector := proxytest.StartCollector(t)
	address := inTLS(t, keys, collector.Address)
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "300") // milliseconds of retries
	r := record(t, "https://"+address)
	r.Waited(call("traceparent", sampled), short())
	r.Close()
	if got := r.results(t); got["failed"] != 1 || len(collector.Spans()) > 0 {
		t.Errorf("with an authority that is not trusted: %v", got)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", file)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20secret")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "10000")
	r = record(t, "https://"+address)
	r.Waited(call("traceparent", sampled), short())
	r.Close()
	if got := r.results(t); got["exported"] != 1 || len(collector.Spans()) != 1 {
		t.Fatalf("%v, %d spans", got, len(collector.Spans()))
	}
	if got := collector.Calls()[0].Get("authorization"); !slices.Equal(got, []string{"Bearer secret"}) {
		t.Errorf("authorization %q", got)
	}
}

// inTLS listens in front of a server that speaks HTTP/2 without TLS.
func inTLS(t *testing.T, keys *proxytest.Keys, server string) string {
	t.Helper()
	certificate, err := tls.X509KeyPair(keys.Issue(t))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = client.Close() }()
				upstream, err := net.Dial("tcp", server)
				if err != nil {
					return
				}
				defer func() { _ = upstream.Close() }()
				go func() { _, _ = io.Copy(client, upstream) }()
				_, _ = io.Copy(upstream, client)
			}()
		}
	}()
	return listener.Addr().String()
}
