package count_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/service/metrics/v3"
	dto "github.com/prometheus/client_model/go"

	"github.com/kedify/inference-gateway/scaler/count"
	"github.com/kedify/inference-gateway/scaler/demand"
)

// A message becomes a report: all attempts and their failures, retries, requests in flight
// and waiting for a connection, in any order; nothing of other clusters.
func TestReport(t *testing.T) {
	b, client, _ := ours(t)
	stream := open(t, client)
	of := func(name, statistic string) string { return "cluster.demand/shop/" + name + "." + statistic }
	families := at(1788264000123,
		gauge("server.uptime", 7),
		gauge(of("web-0", "upstream_rq_active"), 3),
		gauge(of("web-0", "upstream_rq_pending_active"), 2),
		counter(of("web-0", "upstream_rq_total"), 100),
		counter(of("web-0", "upstream_rq_pending_failure_eject"), 10),
		counter(of("web-0", "upstream_cx_none_healthy"), 5),
		counter(of("web-0", "upstream_rq_pending_overflow"), 1),
		counter(of("web-0", "upstream_rq_retry"), 20),
		counter(of("web-0", "upstream_rq_5xx"), 99),
		counter(of("web-0", "retry.upstream_rq_503"), 99),
		counter(of("web-0", "external.upstream_rq_completed"), 99),
		counter(of("with.dots.retry-1", "upstream_rq_total"), 4),
		counter("cluster.service/shop/web/8080.upstream_rq_total", 99),
		counter("cluster.demand/shop.upstream_rq_total", 99),
		counter("cluster.demand/shop/a/b.upstream_rq_total", 99),
		counter("cluster.demand/.upstream_rq_total", 99),
		counter("http.http.downstream_rq_total", 99),
		counter(of("strange-0", "upstream_rq_total"), -1),
	)
	if err := stream.Send(message("shop/pod-1", families...)); err != nil {
		t.Fatal(err)
	}
	got := b.received(1)
	want := map[types.NamespacedName]demand.Counts{
		webKey: {Requests: 116, Retries: 20, Active: 5},
		{Namespace: "shop", Name: "with.dots.retry-1"}: {Requests: 4},
		{Namespace: "shop", Name: "strange-0"}:         {},
	}
	if got.Proxy != (demand.Proxy{Gateway: gatewayKey, Node: "shop/pod-1"}) || got.Started || got.Uptime != 7*time.Second ||
		got.Time.UnixMilli() != 1788264000123 || !maps.Equal(got.Counts, want) {
		t.Errorf("report %+v", got)
	}
	// The identifier is in the first message only. A key that the next one lacks is gone.
	err := stream.Send(message("", at(1788264001123, gauge("server.uptime", 2), counter(of("with.dots.retry-1", "upstream_rq_total"), 1))...))
	if err != nil {
		t.Fatal(err)
	}
	got = b.received(2)
	if !got.Started || got.Uptime != 2*time.Second || got.Proxy.Node != "shop/pod-1" ||
		!maps.Equal(got.Counts, map[types.NamespacedName]demand.Counts{{Namespace: "shop", Name: "with.dots.retry-1"}: {Requests: 1}}) {
		t.Errorf("report %+v", got)
	}
	if _, err := stream.CloseAndRecv(); err != nil {
		t.Errorf("the end of the stream: %v", err)
	}
	b.waitFor("the end", func() bool { return len(b.gone) == 1 && b.gone[0] == got.Proxy })
}

// An empty message is a report: the proxy counted nothing since its start.
func TestNothingCounted(t *testing.T) {
	b, client, _ := ours(t)
	stream := open(t, client)
	if err := stream.Send(message("n")); err != nil {
		t.Fatal(err)
	}
	if got := b.received(1); len(got.Counts) != 0 || !got.Time.IsZero() || got.Started {
		t.Errorf("%+v", got)
	}
}

// Streams that must not be counted end with the reason.
func TestRefused(t *testing.T) {
	split := at(5000, counter("cluster.demand/shop/web-0.upstream_rq_total", 1))
	for _, c := range []struct {
		name     string
		messages []*metricsv3.StreamMetricsMessage
		code     codes.Code
		text     string
		reports  int
	}{
		{"no node", []*metricsv3.StreamMetricsMessage{message("", split...)}, codes.InvalidArgument, "node", 0},
		{"an empty first message", []*metricsv3.StreamMetricsMessage{{}}, codes.InvalidArgument, "node", 0},
		{"two messages per flush", []*metricsv3.StreamMetricsMessage{message("n", split...), message("", split...)},
			codes.FailedPrecondition, "batch_size", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, client, _ := ours(t)
			for range 2 { // and a new stream does not help
				stream := open(t, client)
				for _, m := range c.messages {
					_ = stream.Send(m) // the server may have ended the stream
				}
				err := stream.RecvMsg(&metricsv3.StreamMetricsResponse{})
				if status.Code(err) != c.code || !strings.Contains(err.Error(), c.text) {
					t.Errorf("%v", err)
				}
			}
			if len(b.reports) != c.reports {
				t.Errorf("%d reports", len(b.reports))
			}
		})
	}
}

// A client without a verified certificate is not a proxy of the product.
func TestIdentity(t *testing.T) {
	b := &registry{t: t}
	s := count.New(count.Options{Registry: b, Catalog: inForce()})
	client, _, _ := serve(t, s.Register, s.Run)
	err := open(t, client).RecvMsg(&metricsv3.StreamMetricsResponse{})
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("%v", err)
	}
}

// A proxy that opens another stream is heard on that one; the end of the first is not reported.
func TestNewestStream(t *testing.T) {
	b, client, _ := ours(t)
	of := func(n float64, ms int64) []*dto.MetricFamily {
		return at(ms, counter("cluster.demand/shop/web-0.upstream_rq_total", n))
	}
	first, second := open(t, client), open(t, client)
	if err := first.Send(message("n", of(10, 1000)...)); err != nil {
		t.Fatal(err)
	}
	b.received(1)
	if err := second.Send(message("n", of(20, 2000)...)); err != nil {
		t.Fatal(err)
	}
	b.received(2)
	_ = first.Send(message("", of(11, 1500)...)) // late
	if err := first.RecvMsg(&metricsv3.StreamMetricsResponse{}); status.Code(err) != codes.Aborted {
		t.Errorf("%v", err)
	}
	if err := second.Send(message("", of(30, 3000)...)); err != nil {
		t.Fatal(err)
	}
	if got := b.received(3); got.Counts[webKey].Requests != 30 || len(b.gone) != 0 {
		t.Errorf("%+v, gone %v", got, b.gone)
	}
	if _, err := second.CloseAndRecv(); err != nil {
		t.Error(err)
	}
	b.waitFor("the end", func() bool { return len(b.gone) == 1 })
}

// A replica that stops ends the streams at once, so that proxies report to another one.
func TestStop(t *testing.T) {
	b, client, stop := ours(t)
	stream := open(t, client)
	if err := stream.Send(message("n")); err != nil {
		t.Fatal(err)
	}
	b.received(1)
	began := time.Now()
	stop()
	if err := stream.RecvMsg(&metricsv3.StreamMetricsResponse{}); status.Code(err) != codes.Unavailable {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
	b.waitFor("the end", func() bool { return len(b.gone) == 1 })
}

// What comes and goes is counted for people.
func TestMetrics(t *testing.T) {
	b := &registry{t: t}
	metrics := count.NewMetrics()
	made := options(b)
	made.Metrics = metrics
	s := count.New(made)
	client, _, _ := serve(t, s.Register, s.Run)
	stream := open(t, client)
	for range 3 {
		if err := stream.Send(message("n")); err != nil {
			t.Fatal(err)
		}
	}
	b.received(3)
	b.waitFor("messages", func() bool { return gathered(t, metrics.Register, "kedify_gateway_count_messages_total") == 3 })
	if n := gathered(t, metrics.Register, "kedify_gateway_count_streams"); n != 1 {
		t.Errorf("%v streams", n)
	}
	_ = open(t, client).Send(message(""))
	b.waitFor("a refusal", func() bool { return gathered(t, metrics.Register, "kedify_gateway_count_refused_messages_total") == 1 })
}

// Malformed messages end in an error, not in counts of something else.
func TestMalformed(t *testing.T) {
	good := encoded(t, message("n", counter("cluster.demand/shop/web-0.upstream_rq_total", 1)))
	for cut := 1; cut < len(good); cut++ {
		b := &registry{t: t}
		take, _ := count.New(options(b)).Take(gatewayKey)
		err := take(good[:cut])
		if whole := proto.Unmarshal(good[:cut], &metricsv3.StreamMetricsMessage{}) == nil; err == nil && !whole {
			t.Errorf("cut after %d bytes: taken as %+v", cut, b.reports)
		}
	}
}
