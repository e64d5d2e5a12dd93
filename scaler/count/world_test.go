package count_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/service/metrics/v3"
	"github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/count"
	"github.com/kedify/inference-gateway/scaler/demand"
)

var (
	gatewayKey = types.NamespacedName{Namespace: "shop", Name: "kedify-proxy"}
	webKey     = types.NamespacedName{Namespace: "shop", Name: "web-0"}
)

// patience is how long a condition may take that holds at once on an idle machine.
const patience = 20 * time.Second

// registry keeps what was reported.
type registry struct {
	t       testing.TB
	mu      sync.Mutex
	reports []demand.Report
	gone    []demand.Proxy
}

func (b *registry) Report(r demand.Report) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r.Counts, r.Work = maps.Clone(r.Counts), maps.Clone(r.Work) // they are valid during the call only
	for key, work := range r.Work {
		r.Work[key] = new(*work)
	}
	b.reports = append(b.reports, r)
}

func (b *registry) Gone(p demand.Proxy) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = append(b.gone, p)
}

// waitFor waits until a condition on what was reported holds.
func (b *registry) waitFor(what string, condition func() bool) {
	b.t.Helper()
	gomega.NewWithT(b.t).Eventually(func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return condition()
	}).WithTimeout(patience).WithPolling(time.Millisecond).Should(gomega.BeTrue(), func() string {
		b.mu.Lock()
		defer b.mu.Unlock()
		return fmt.Sprintf("%s: %d reports, last %+v, gone %v", what, len(b.reports), b.last(), b.gone)
	})
}

// last has mu.
func (b *registry) last() demand.Report {
	if len(b.reports) == 0 {
		return demand.Report{}
	}
	return b.reports[len(b.reports)-1]
}

// received waits for n reports and returns the last.
func (b *registry) received(n int) demand.Report {
	b.t.Helper()
	b.waitFor("reports", func() bool { return len(b.reports) >= n })
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.reports) != n {
		b.t.Fatalf("%d reports, not %d", len(b.reports), n)
	}
	return b.last()
}

// serve serves on loopback until the test ends or stop is called, and returns a client.
func serve(t *testing.T, register func(*grpc.Server), run func(context.Context) error) (
	client metricsv3.MetricsServiceClient, address string, stop func()) {
	t.Helper()
	accept, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving := grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))
	register(serving)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = serving.Serve(accept) })
	running.Go(func() { _ = run(ctx) })
	stop = sync.OnceFunc(func() { cancel(); serving.GracefulStop(); running.Wait() })
	t.Cleanup(stop)
	return dial(t, accept.Addr().String()), accept.Addr().String(), stop
}

func dial(t *testing.T, address string) metricsv3.MetricsServiceClient {
	t.Helper()
	connection, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return metricsv3.NewMetricsServiceClient(connection)
}

// named is a key of the namespace shop.
func named(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "shop", Name: name}
}

// inForce is a complete catalog with triggers that the gateway counts for.
func inForce(keys ...types.NamespacedName) *scaler.Catalog {
	catalog := scaler.NewCatalog()
	for _, key := range keys {
		catalog.Set(key, &scaler.Scaler{Key: key, Gateways: []types.NamespacedName{gatewayKey}})
	}
	catalog.SetComplete()
	return catalog
}

// options are those of a Service that takes every caller for the gateway.
func options(b count.Registry) count.Options {
	return count.Options{
		Registry: b, Catalog: inForce(webKey, named("with.dots.retry-1"), named("strange-0")),
		Identify: func(context.Context) (types.NamespacedName, error) { return gatewayKey, nil },
	}
}

// ours serves a Service that takes every caller for the gateway.
func ours(t *testing.T) (*registry, metricsv3.MetricsServiceClient, func()) {
	b := &registry{t: t}
	s := count.New(options(b))
	client, _, stop := serve(t, s.Register, s.Run)
	return b, client, stop
}

func open(t *testing.T, client metricsv3.MetricsServiceClient) metricsv3.MetricsService_StreamMetricsClient {
	t.Helper()
	stream, err := client.StreamMetrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// message is one of a node; "" leaves the identifier out.
func message(node string, families ...*dto.MetricFamily) *metricsv3.StreamMetricsMessage {
	m := &metricsv3.StreamMetricsMessage{EnvoyMetrics: families}
	if node != "" {
		m.Identifier = &metricsv3.StreamMetricsMessage_Identifier{Node: &corev3.Node{Id: node, Cluster: "shop/kedify-proxy"}}
	}
	return m
}

// at sets the time of all families.
func at(ms int64, families ...*dto.MetricFamily) []*dto.MetricFamily {
	for _, f := range families {
		for _, m := range f.Metric {
			m.TimestampMs = proto.Int64(ms)
		}
	}
	return families
}

func counter(name string, value float64, labels ...string) *dto.MetricFamily {
	return &dto.MetricFamily{Name: &name, Type: dto.MetricType_COUNTER.Enum(), Metric: []*dto.Metric{{
		Label: pairs(labels), Counter: &dto.Counter{Value: &value},
	}}}
}

func gauge(name string, value float64, labels ...string) *dto.MetricFamily {
	return &dto.MetricFamily{Name: &name, Type: dto.MetricType_GAUGE.Enum(), Metric: []*dto.Metric{{
		Label: pairs(labels), Gauge: &dto.Gauge{Value: &value},
	}}}
}

func pairs(labels []string) (all []*dto.LabelPair) {
	for i := 0; i+1 < len(labels); i += 2 {
		all = append(all, &dto.LabelPair{Name: &labels[i], Value: &labels[i+1]})
	}
	return all
}

func encoded(t testing.TB, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// gathered returns the value of a metric, summed over its labels.
func gathered(t *testing.T, register func(prometheus.Registerer) error, name string) (sum float64) {
	t.Helper()
	registry := prometheus.NewRegistry()
	if err := register(registry); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			for _, metric := range family.GetMetric() {
				sum += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
			}
		}
	}
	return sum
}
