package count_test

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/service/metrics/v3"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/scaler/count"
	"github.com/kedify/inference-gateway/scaler/demand"
)

// nothing is a registry that does nothing.
type nothing struct{}

func (nothing) Report(demand.Report) {}
func (nothing) Gone(demand.Proxy)    {}

// BenchmarkMessage is what one message of a proxy costs of which so many clusters were ever
// used, with our reader and, to compare, the generated types alone.
func BenchmarkMessage(b *testing.B) {
	for _, clusters := range []int{10, 5000} {
		var families []*dto.MetricFamily
		var keys []types.NamespacedName
		for i := range clusters {
			keys = append(keys, types.NamespacedName{Namespace: fmt.Sprintf("namespace-%d", i%50), Name: fmt.Sprintf("application-%d-0", i)})
			of := "cluster.demand/" + keys[i].String() + "."
			families = append(families, counter(of+"upstream_rq_total", float64(i)), gauge(of+"upstream_rq_active", 1),
				gauge(of+"upstream_rq_pending_active", 0), counter(of+"upstream_rq_5xx", 3))
		}
		families = append(families, gauge("server.uptime", 99))
		data := encoded(b, message("n", at(0, families...)...))
		b.Run(fmt.Sprintf("clusters=%d/product", clusters), func(b *testing.B) {
			s := count.New(count.Options{Registry: nothing{}, Catalog: inForce(keys...)})
			take, end := s.Take(gatewayKey)
			defer end()
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := take(data); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("clusters=%d/generated", clusters), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := proto.Unmarshal(data, &metricsv3.StreamMetricsMessage{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
