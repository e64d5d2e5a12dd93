package count_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/service/metrics/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/count"
	"github.com/kedify/inference-gateway/scaler/demand"
)

// X2: counters of a demand key that the gateway does not count for are left out and counted; those of others in the
// same message are not.
func TestX2ForeignKeysAreLeftOut(t *testing.T) {
	b := &registry{t: t}
	made := options(b)
	victim := types.NamespacedName{Namespace: "victim", Name: "web-0"}
	made.Catalog.Set(victim, &scaler.Scaler{Key: victim, Gateways: []types.NamespacedName{{Namespace: "victim", Name: "edge"}}})
	made.Metrics = count.NewMetrics()
	client, _, _ := serve(t, count.New(made).Register, count.New(made).Run)
	stream := open(t, client)
	for i := range 3 {
		if err := stream.Send(message("n", at(int64(i+1),
			counter("cluster.demand/victim/web-0.upstream_rq_total", 1000*float64(i)), gauge("cluster.demand/victim/web-0.upstream_rq_active", 9),
			counter("cluster.demand/nobody/knows.upstream_rq_total", 1000), counter("cluster.demand/shop/web-0.upstream_rq_total", 7),
		)...)); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.received(3).Counts; len(got) != 1 || got[webKey].Requests != 7 {
		t.Errorf("%v", got)
	}
	if n := gathered(t, made.Metrics.Register, "kedify_gateway_count_foreign_keys_total"); n != 6 {
		t.Errorf("%v foreign keys", n)
	}
}

// X2: before the catalog is complete it is not known which keys are foreign. Counters are cumulative: nothing is lost
// when they are taken later.
func TestX2NothingIsTakenBeforeTheCatalogIsComplete(t *testing.T) {
	b := &registry{t: t}
	catalog := scaler.NewCatalog()
	take, end := count.New(count.Options{Registry: b, Catalog: catalog}).Take(gatewayKey)
	defer end()
	send := func(ms int64) {
		t.Helper()
		if err := take(encoded(t, message("n", at(ms, counter("cluster.demand/shop/web-0.upstream_rq_total", float64(ms)))...))); err != nil {
			t.Fatal(err)
		}
	}
	send(1)
	if len(b.reports) != 0 {
		t.Fatalf("%+v", b.reports)
	}
	catalog.Set(webKey, &scaler.Scaler{Key: webKey, Gateways: []types.NamespacedName{gatewayKey}})
	catalog.SetComplete()
	send(2)
	if len(b.reports) != 1 || b.last().Counts[webKey].Requests != 2 {
		t.Errorf("%+v", b.reports)
	}
	// A key that the gateway counted for goes on: the registry decides, and its counters stay in step.
	catalog.Set(webKey, nil)
	send(3)
	if len(b.reports) != 2 || b.last().Counts[webKey].Requests != 3 {
		t.Errorf("%+v", b.reports)
	}
}

// X10: nodes that a holder of the certificate makes up are bounded, in number and length; refused ones free their
// place.
func TestX10NodesAreBounded(t *testing.T) {
	b := &registry{t: t}
	service := count.New(options(b))
	ends := make([]func(), 0, demand.MaxProxies)
	for i := range demand.MaxProxies {
		take, end := service.Take(gatewayKey)
		if err := take(encoded(t, message(fmt.Sprint("node-", i)))); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	one := func(gateway types.NamespacedName, node string) error {
		take, end := service.Take(gateway)
		defer end()
		return take(encoded(t, message(node)))
	}
	if err := one(gatewayKey, "one more"); !errors.Is(err, count.ErrTooManyProxies) {
		t.Errorf("one more: %v", err)
	}
	if err := one(gatewayKey, "node-7"); err != nil {
		t.Errorf("a second stream of a proxy: %v", err)
	}
	if err := one(types.NamespacedName{Namespace: "other", Name: "gateway"}, "node"); err != nil {
		t.Errorf("another gateway: %v", err)
	}
	ends[0]()
	if err := one(gatewayKey, "one more"); err != nil {
		t.Errorf("after one is gone: %v", err)
	}
	for _, end := range ends[1:] {
		end()
	}
	for i := range 3 * count.MaxSplit { // each is refused for good
		take, end := service.Take(gatewayKey)
		data := encoded(t, message(fmt.Sprint("split-", i), at(5, gauge("server.uptime", 1))...))
		_ = take(data)
		if err := take(data); !errors.Is(err, count.ErrSplit) {
			t.Fatal(err)
		}
		end()
	}
	if err := one(gatewayKey, fmt.Sprint("split-", 3*count.MaxSplit-1)); !errors.Is(err, count.ErrSplit) {
		t.Errorf("a refused proxy: %v", err)
	}
	if n := service.Remembered(gatewayKey); n != count.MaxSplit {
		t.Errorf("%d nodes are remembered", n)
	}

	client, _, _ := serve(t, service.Register, service.Run)
	stream := open(t, client)
	_ = stream.Send(message(strings.Repeat("x", 10_000)))
	if err := stream.RecvMsg(&metricsv3.StreamMetricsResponse{}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a long node: %v", err)
	}
}

// X11: what is no number of things is no count, on the wire of a real server, and what no Envoy can have counted does
// not reach KEDA.
func TestX11NumbersOfAProxy(t *testing.T) {
	for _, absurd := range []float64{-1, -1e18, math.NaN(), math.Inf(1), math.Inf(-1), 1e18, 1.5e18, 1e19, math.MaxFloat64, 0.5} {
		t.Run(fmt.Sprint(absurd), func(t *testing.T) {
			m := newMetrics(t, "127.0.0.1:0", rateOf(webKey))
			client := dial(t, m.address)
			stream := open(t, client)
			of := "cluster.demand/shop/web-0."
			now := time.Now()
			for i, value := range []float64{0, absurd, absurd} {
				if err := stream.Send(message("n", at(now.Add(time.Duration(i)*time.Second).UnixMilli(), gauge("server.uptime", float64(i)),
					counter(of+"upstream_rq_total", value), counter(of+"upstream_cx_none_healthy", value), counter(of+"upstream_rq_retry", -value),
					gauge(of+"upstream_rq_active", value), gauge(of+"upstream_rq_pending_active", value))...)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := stream.CloseAndRecv(); err != nil {
				t.Fatal(err)
			}
			reading, err := m.registry.Read(webKey)
			if err != nil {
				t.Fatal(err)
			}
			for _, value := range []float64{reading.Rate, reading.Concurrency, float64(reading.InFlight), reading.Value} {
				if !(value >= 0 && value <= 1e7) {
					t.Errorf("%+v", reading)
				}
			}
		})
	}
}
