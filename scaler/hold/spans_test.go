package hold_test

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tracev3 "github.com/envoyproxy/go-control-plane/envoy/config/trace/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/go-logr/logr"
	"github.com/onsi/gomega"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/scaler/spans"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/envoytest"
	"github.com/kedify/inference-gateway/xds/translate"
)

// recorder exports to a collector as soon as there is a span.
func recorder(t testing.TB, address string) *spans.Recorder {
	t.Helper()
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	made, err := spans.New(t.Context(), spans.Options{
		Endpoint: "http://" + address, Namespace: "kedify-system", Replica: "replica", Metrics: spans.NewMetrics(), Log: logr.Discard(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Close)
	return made
}

// traced are the resources of a site whose requests Envoy traces: its own ones, with a tracer in the listener, and the cluster of the
// collector.
func (s *site) traced(collector ir.Endpoint) []resource.Resource {
	s.t.Helper()
	key := ir.ClusterKey{Kind: ir.BackendService, Namespace: "monitoring", Name: "collector", Port: 4317}
	config := s.pack(&tracev3.OpenTelemetryConfig{ServiceName: "envoy", GrpcService: &corev3.GrpcService{
		TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: translate.ClusterName(key)}},
	}})
	all := s.world()
	at := slices.IndexFunc(all, func(r resource.Resource) bool { return r.Type == resource.Listener })
	listener, manager := &listenerv3.Listener{}, &hcmv3.HttpConnectionManager{}
	s.unpack(proto.Unmarshal(all[at].Body, listener))
	filter := listener.FilterChains[0].Filters[0]
	s.unpack(filter.GetTypedConfig().UnmarshalTo(manager))
	manager.Tracing = &hcmv3.HttpConnectionManager_Tracing{Provider: &tracev3.Tracing_Http{
		Name: "envoy.tracers.opentelemetry", ConfigType: &tracev3.Tracing_Http_TypedConfig{TypedConfig: config},
	}}
	filter.ConfigType = &listenerv3.Filter_TypedConfig{TypedConfig: s.pack(manager)}
	all[at] = s.one(resource.New(resource.Listener, all[at].Name, listener, all[at].Clusters))
	return append(all, s.one(translate.Cluster(ir.Cluster{Key: key, Protocol: ir.HTTP2})),
		s.one(translate.Endpoints(ir.Endpoints{Key: key.Endpoints(), Addresses: []ir.Endpoint{collector}})))
}

func endpointOf(t testing.TB, address string) ir.Endpoint {
	t.Helper()
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return ir.Endpoint{Address: at.Addr().String(), Port: uint32(at.Port())}
}

func (s *site) pack(message proto.Message) *anypb.Any {
	s.t.Helper()
	packed, err := anypb.New(message)
	s.unpack(err)
	return packed
}

func (s *site) unpack(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestEnvoySpan: one trace has the request, the question of Envoy about it, and the wait, each below the other one; a request that does
// not wait has no span "hold", and neither has one that Envoy does not sample.
func TestEnvoySpan(t *testing.T) {
	envoytest.Binary(t)
	collector := proxytest.StartCollector(t)
	p := newPlane(t, hold.Options{Waited: recorder(t, collector.Address).Waited})
	s := newSite(t, service())
	p.apply(append(s.traced(endpointOf(t, collector.Address)), s.endpoints())...)
	p.gate.Ready(ir.Key(gatewayKey))
	s.envoy("shop/envoy-1", p.address, p)
	c := newClient(t, s.port)

	const client = "4bf92f3577b34da6a3ce929d0e0e4736"
	ask := func(flags string) answer {
		return c.do(context.Background(), http.MethodPost, "/", "hello", "traceparent", "00-"+client+"-00f067aa0ba902b7-"+flags)
	}
	answers := make(chan answer, 2)
	for i, flags := range []string{"01", "00"} {
		go func() { answers <- ask(flags) }()
		gomega.NewWithT(t).Eventually(func() int { return p.backend().Held }).Should(gomega.Equal(i + 1))
	}
	p.apply(s.endpoints(newPod(t, &sync.Map{})))
	for range 2 {
		if got := <-answers; got.status != http.StatusOK {
			t.Fatalf("%s", got)
		}
	}
	if got := ask("01"); got.status != http.StatusOK || got.header.Get(coldStart) != "false" {
		t.Fatalf("%s, %s", got, got.header)
	}

	var root, asked, held []proxytest.Span
	gomega.NewWithT(t).Eventually(func() int {
		root, asked, held = nil, nil, nil
		for _, span := range collector.Spans() {
			switch {
			case span.Name == "hold":
				held = append(held, span)
			case strings.Contains(span.Name, "ExternalProcessor"):
				asked = append(asked, span)
			default:
				root = append(root, span)
			}
		}
		return min(len(root), len(asked)) // of both requests that are sampled
	}).Should(gomega.Equal(2), "Envoy has exported")
	if len(held) != 1 {
		t.Fatalf("%d spans hold: %+v", len(held), collector.Spans())
	}
	wait := held[0]
	above := slices.IndexFunc(asked, func(span proxytest.Span) bool { return span.ID == wait.Parent })
	if above < 0 {
		t.Fatalf("no question of Envoy is above %+v: %+v", wait, asked)
	}
	request := slices.IndexFunc(root, func(span proxytest.Span) bool { return span.ID == asked[above].Parent })
	if request < 0 || root[request].Parent != "00f067aa0ba902b7" || wait.Trace != client || root[request].Trace != client {
		t.Errorf("no request is above %+v: %+v", asked[above], root)
	}
	if wait.Start < root[request].Start || wait.End > root[request].End || wait.End-wait.Start == 0 {
		t.Errorf("the wait is not within the request: %+v, %+v", wait, root[request])
	}
	for name, want := range map[string]string{
		"kedify.hold.answer": "released", "kedify.hold.position": "1", "kedify.hold.endpoints": "1", "kedify.gateway": gatewayKey.String(),
	} {
		if wait.Attributes[name] != want {
			t.Errorf("%s is %q, want %q", name, wait.Attributes[name], want)
		}
	}
	t.Logf("%s\n  %s\n    %s %v after %s", root[request].Name, asked[above].Name, wait.Name, wait.Attributes,
		time.Duration(wait.End-wait.Start))
}

// TestEnvoySpanMoves: a request whose replica ends waits on at another one, and has a span at each.
func TestEnvoySpanMoves(t *testing.T) {
	envoytest.Binary(t)
	collector := proxytest.StartCollector(t)
	waited := recorder(t, collector.Address).Waited
	one, two := newPlane(t, hold.Options{Waited: waited}), newPlane(t, hold.Options{Waited: waited})
	one.gate.SetAddresses(hold.Addresses{Own: one.address, Others: []string{two.address}})
	two.gate.SetAddresses(hold.Addresses{Own: two.address, Others: []string{one.address}})
	s := newSite(t, service())
	for _, p := range []*plane{one, two} {
		p.apply(append(s.traced(endpointOf(t, collector.Address)), s.endpoints())...)
		p.gate.Ready(ir.Key(gatewayKey))
	}
	way := newForwarder(t, one.address)
	s.envoy("shop/envoy-1", way.address, one)
	c := newClient(t, s.port)
	answers := make(chan answer, 1)
	go func() { answers <- c.post("1", "hello") }()
	gomega.NewWithT(t).Eventually(func() int { return one.backend().Held }).Should(gomega.Equal(1))
	way.move(two.address)
	one.stop()
	gomega.NewWithT(t).Eventually(func() int { return two.backend().Held }).Should(gomega.Equal(1))
	two.apply(s.endpoints(newPod(t, &sync.Map{})))
	if got := <-answers; got.status != http.StatusOK {
		t.Fatalf("%s", got)
	}
	gomega.NewWithT(t).Eventually(func() []string {
		var held []string
		traces := map[string]bool{}
		for _, span := range collector.Spans() {
			if span.Name == "hold" {
				held = append(held, span.Attributes["kedify.hold.answer"])
				traces[span.Trace] = true
			}
		}
		if len(traces) > 1 {
			t.Fatalf("%d traces", len(traces))
		}
		return held
	}).Should(gomega.Equal([]string{"elsewhere", "released"}))
}
