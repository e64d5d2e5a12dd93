package plane_test

import (
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// TestTokenRate: a trigger that scales by tokens has its cluster count them, and no other has; what a proxy counted is the value for KEDA
// and in the series of the trigger, and in the status of its HTTPScaler.
func TestTokenRate(t *testing.T) {
	byTokens := strings.NewReplacer("scalingMetric: requestRate", "scalingMetric: tokenRate", `targetValue: "10"`, `targetValue: "3500"`).
		Replace(scaledObjectYAML)
	c := newCluster(t, serviceYAML("a", "10.0.0.1"), byTokens)
	leader := c.leader("127.0.0.1")
	gateway := proxyOf("apps")
	c.Eventually(c.condition(gatewayNamed(gateway), "Accepted")).Should(Equal("True/Accepted"))
	proxy := leader.proxy(gateway, deltatest.Options{Node: "envoy"})
	var cluster clusterv3.Cluster
	c.Eventually(func() bool {
		return proxy.Decode(resource.Key{Type: resource.Cluster, Name: "service/apps/a/80@web-0"}, &cluster)
	}).Should(BeTrue())
	c.Expect(cluster.AltStatName).To(Equal("demand/apps/web-0+work"))

	stream, next := leader.counting(gateway, "envoy", "apps/web-0")
	for i := range 4 {
		message := counted("envoy", "apps/web-0", next.Add(time.Duration(i)*time.Second), float64(10*i))
		for name, each := range map[string]float64{
			"cluster.demand/apps/web-0+work.upstream_cx_tx_bytes_total": 4000, "cluster.demand/apps/web-0+work.upstream_cx_rx_bytes_total": 20_000,
			"work.answers.key.apps/web-0": 1, "work.prompt_tokens.key.apps/web-0": 1000, "work.output_tokens.key.apps/web-0": 100,
		} {
			message.EnvoyMetrics = append(message.EnvoyMetrics, &dto.MetricFamily{Name: proto.String(name), Metric: []*dto.Metric{{
				Counter: &dto.Counter{Value: proto.Float64(10 * each * float64(i))}, TimestampMs: message.EnvoyMetrics[0].Metric[0].TimestampMs,
			}}})
		}
		c.Expect(stream.Send(started(message))).To(Succeed())
	}
	ref, scaler := scaledObjectRef(), leader.scaler()
	ref.ScalerMetadata["scalingMetric"], ref.ScalerMetadata["targetValue"] = "tokenRate", "3500"
	c.Eventually(func() float64 {
		answer, err := scaler.GetMetrics(t.Context(), &pb.GetMetricsRequest{ScaledObjectRef: ref, MetricName: "http-token-rate"})
		if err != nil {
			return -1
		}
		return answer.GetMetricValues()[0].GetMetricValueFloat()
	}).Should(BeNumerically(">", 1000))
	c.Eventually(leader.metric("kedify_gateway_trigger_tokens_total")).Should(BeEquivalentTo(30 * 1100))
	live := &v1alpha1.HTTPScaler{}
	c.Eventually(func() *v1alpha1.HTTPScalerTokens { // of the next look, within ten seconds
		if c.client.Get(t.Context(), types.NamespacedName{Namespace: "apps", Name: "web-0"}, live) != nil || live.Status.Demand == nil {
			return nil
		}
		return live.Status.Demand.Tokens
	}).Should(HaveValue(And(
		HaveField("WeightedPerSecond", BeNumerically(">", 0)), HaveField("MeanOutputTokens", HaveValue(BeEquivalentTo(100))),
		HaveField("CachedPercent", HaveValue(BeEquivalentTo(0))), HaveField("MaxPerReplica", BeNil()),
	)))
}
