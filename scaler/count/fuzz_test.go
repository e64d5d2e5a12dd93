package count_test

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/service/metrics/v3"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/count"
	"github.com/kedify/inference-gateway/scaler/demand"
)

// expected reads a message with the generated types and ordinary string functions.
func expected(m *metricsv3.StreamMetricsMessage) (counts map[types.NamespacedName]demand.Counts, uptime time.Duration) {
	counts = map[types.NamespacedName]demand.Counts{}
	for _, family := range m.GetEnvoyMetrics() {
		for _, metric := range family.GetMetric() {
			value, isCounter := metric.GetGauge().GetValue(), metric.GetCounter() != nil
			if isCounter {
				value = metric.GetCounter().GetValue()
			}
			if !isCounter && metric.GetGauge() == nil || !(value >= 0 && value < 1<<63) {
				value = -1
			}
			if family.GetName() == "server.uptime" && value >= 0 && value < float64(1<<63/uint64(time.Second)-1) {
				uptime = time.Duration(value) * time.Second
			}
			expectedFamily(counts, family.GetName(), value)
		}
		if len(family.GetMetric()) == 0 {
			expectedFamily(counts, family.GetName(), -1)
		}
	}
	return counts, uptime
}

func expectedFamily(counts map[types.NamespacedName]demand.Counts, family string, value float64) {
	if name, text := expectedName(family); name != "" {
		if key, ok := scaler.ParseKey(text); ok && slices.Contains(workNames, name) {
			of := counts[key]
			counts[key] = of // it is in the message
		}
		return
	}
	rest, ok := strings.CutPrefix(family, "cluster.demand/")
	dot := strings.LastIndex(rest, ".")
	if !ok || dot < 0 {
		return
	}
	parts := strings.Split(strings.TrimSuffix(rest[:dot], "+work"), "/")
	if len(parts) != 2 || parts[0] == "" || parts[1] == "" {
		return
	}
	key := types.NamespacedName{Namespace: parts[0], Name: parts[1]}
	c := counts[key]
	add := uint64(max(value, 0))
	switch rest[dot+1:] {
	case "upstream_rq_total", "upstream_rq_pending_failure_eject", "upstream_cx_none_healthy", "upstream_rq_pending_overflow":
		c.Requests += add
	case "upstream_rq_retry":
		c.Retries += add
	case "upstream_rq_active", "upstream_rq_pending_active":
		c.Active += add
	default:
		return
	}
	counts[key] = c
}

var workNames = []string{"tx", "rx", "prompt_tokens", "cached_tokens", "output_tokens", "answers", "first_ms"}

// expectedWork reads the work of a message likewise.
func expectedWork(m *metricsv3.StreamMetricsMessage) map[types.NamespacedName]demand.Work {
	all := map[types.NamespacedName]demand.Work{}
	for _, family := range m.GetEnvoyMetrics() {
		name, text := expectedName(family.GetName())
		key, ok := scaler.ParseKey(text)
		work := all[key]
		field := map[string]*uint64{
			"tx": &work.Sent, "rx": &work.Received, "prompt_tokens": &work.Prompt, "cached_tokens": &work.Cached,
			"output_tokens": &work.Output, "answers": &work.Answers,
		}[name]
		if !ok || !slices.Contains(workNames, name) {
			continue
		}
		for _, metric := range family.GetMetric() {
			if field == nil {
				expectedFirst(&work, metric.GetHistogram())
				continue
			}
			value := metric.GetGauge().GetValue()
			if metric.GetCounter() != nil {
				value = metric.GetCounter().GetValue()
			}
			if value >= 0 && value < 1<<63 {
				*field += uint64(value)
			}
		}
		all[key] = work
	}
	return all
}

func expectedName(family string) (name, key string) {
	if rest, ok := strings.CutPrefix(family, "work."); ok {
		name, key, _ = strings.Cut(rest, ".key.")
		return name, key
	}
	rest, ok := strings.CutPrefix(family, "cluster.demand/")
	for name, statistic := range map[string]string{"tx": "+work.upstream_cx_tx_bytes_total", "rx": "+work.upstream_cx_rx_bytes_total"} {
		if key, found := strings.CutSuffix(rest, statistic); ok && found {
			return name, key
		}
	}
	return "", ""
}

func expectedFirst(work *demand.Work, h *dto.Histogram) {
	if h == nil {
		return
	}
	if h.SampleCount != nil {
		work.AddFirst(math.Inf(1), h.GetSampleCount())
	}
	for _, bucket := range h.GetBucket() {
		work.AddFirst(bucket.GetUpperBound(), bucket.GetCumulativeCount())
	}
}

// both reports whether a metric is a counter and a gauge, which is not defined.
func both(m *metricsv3.StreamMetricsMessage) bool {
	for _, family := range m.GetEnvoyMetrics() {
		for _, metric := range family.GetMetric() {
			if metric.GetCounter() != nil && metric.GetGauge() != nil {
				return true
			}
		}
	}
	return false
}

// first is a histogram.
func first(name string) *dto.MetricFamily {
	return &dto.MetricFamily{Name: &name, Type: dto.MetricType_HISTOGRAM.Enum(), Metric: []*dto.Metric{{Histogram: &dto.Histogram{
		SampleCount: proto.Uint64(9), SampleSum: proto.Float64(9), Bucket: []*dto.Bucket{
			{CumulativeCount: proto.Uint64(3), UpperBound: proto.Float64(10)}, {CumulativeCount: proto.Uint64(5), UpperBound: proto.Float64(11)},
			{CumulativeCount: proto.Uint64(8), UpperBound: proto.Float64(600_000)},
		},
	}}}}
}

func seeds(t testing.TB) [][]byte {
	of := "cluster.demand/shop/web-0."
	return [][]byte{
		nil,
		encoded(t, message("n")),
		encoded(t, message("", counter(of+"upstream_rq_total", 1))),
		encoded(t, message("n", at(7, gauge("server.uptime", 3), counter(of+"upstream_rq_total", 1e15), counter(of+"upstream_rq_retry", 2),
			gauge(of+"upstream_rq_active", 4), gauge(of+"upstream_rq_pending_active", 1))...)),
		encoded(t, message("n", counter("cluster.demand/shop/web-0+work.upstream_rq_total", 2),
			counter("cluster.demand/shop/web-0+work.upstream_cx_tx_bytes_total", 900),
			counter("cluster.demand/shop/web-0+work.upstream_cx_rx_bytes_total", 9), counter("work.prompt_tokens.key.shop/web-0", 7),
			counter("work.answers.key.shop/web-0", 1), counter("work.cached_tokens.key.shop/web-0", -1),
			counter("work.output_tokens.key.shop/a.key.b", 5), counter("work.more.key.shop/web-0", 5), first("work.first_ms.key.shop/web-0"))),
		encoded(t, message("n", counter("cluster.upstream_rq_total", 5, "envoy.cluster_name", "test", "x", "y"))),
		encoded(t, message("n", counter("envoy_cluster_upstream_rq_total", 0, "envoy_cluster_name", "test"))),
		encoded(t, message("n", counter("cluster.test.upstream_rq_total", 5), gauge("cluster.test.upstream_rq_active", 2))),
	}
}

// FuzzMessage compares what is read where it lies with what the generated types read, and has
// both services survive anything.
func FuzzMessage(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := &registry{t: t}
		m := &metricsv3.StreamMetricsMessage{}
		malformed := proto.Unmarshal(data, m)
		counts, uptime := expected(m)
		take, end := count.New(count.Options{Registry: b, Catalog: inForce(slices.Collect(maps.Keys(counts))...)}).Take(gatewayKey)
		err := take(data)
		end()
		external(t, data)
		if malformed != nil || both(m) || repeats(data) {
			return
		}
		if m.GetIdentifier().GetNode().GetId() == "" {
			if err == nil {
				t.Fatalf("taken without a node: %+v", b.reports)
			}
			return
		}
		if err != nil {
			t.Fatalf("%v: %v", err, m)
		}
		if got := b.last(); !maps.Equal(got.Counts, counts) || got.Uptime != uptime || got.Proxy.Node != m.GetIdentifier().GetNode().GetId() {
			t.Fatalf("read %+v, not %v with uptime %s", got, counts, uptime)
		}
		work := map[types.NamespacedName]demand.Work{}
		for key, of := range b.last().Work {
			work[key] = *of
		}
		if want := expectedWork(m); !maps.Equal(work, want) {
			t.Fatalf("read %+v, not %+v", work, want)
		}
	})
}

// repeats reports whether a field that may be there once was there more often: decoders merge
// those, and this one need not. Then the message is shorter when it is encoded again.
func repeats(data []byte) bool {
	m := &metricsv3.StreamMetricsMessage{}
	return proto.Unmarshal(data, m) != nil || proto.Size(m) != len(data)
}

func external(t *testing.T, data []byte) {
	b, catalog := &registry{t: t}, scaler.NewCatalog()
	x := count.NewExternal(count.ExternalOptions{Registry: b, Catalog: catalog})
	catalog.Set(webKey, externalTrigger(webKey, "test"))
	take, end := x.Take(webKey.Namespace, "10.0.0.1")
	defer end()
	if take(data) != nil {
		return
	}
	for _, r := range b.reports {
		if r.Proxy.Gateway != demand.External(webKey) || len(r.Counts) != 1 {
			t.Fatalf("%+v", r)
		}
	}
}
