package plane_test

import (
	"slices"
	"testing"
	"time"

	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/service/metrics/v3"
	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/internal/families"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// rare are families that no series of appears in a healthy cluster without triggers of models, with their types.
var rare = map[string]dto.MetricType{
	"kedify_gateway_xds_warm_budget_exceeded_total": dto.MetricType_COUNTER, "kedify_gateway_trigger_tokens_total": dto.MetricType_COUNTER,
}

// started is a message of a proxy that has just started: no other proxy is waited for before its counts are known.
func started(message *metricsv3.StreamMetricsMessage) *metricsv3.StreamMetricsMessage {
	at := message.EnvoyMetrics[0].GetMetric()[0].GetTimestampMs()
	message.EnvoyMetrics = append(message.EnvoyMetrics, &dto.MetricFamily{Name: proto.String("server.uptime"), Metric: []*dto.Metric{
		{Gauge: &dto.Gauge{Value: proto.Float64(1)}, TimestampMs: proto.Int64(at)},
	}})
	return message
}

// everything is a leader in a cluster where each family has a series: an Envoy that reports, a trigger, and KEDA.
func everything(t *testing.T) *replica {
	c := newCluster(t, serviceYAML("a"), scaledObjectYAML)
	leader := c.leader("127.0.0.1")
	gateway := proxyOf("apps")
	c.Eventually(c.condition(gatewayNamed(gateway), "Accepted")).Should(Equal("True/Accepted"))
	leader.proxy(gateway, deltatest.Options{Node: "envoy"})
	leader.counting(gateway, "envoy", "apps/web-0")
	c.Eventually(leader.metric("kedify_gateway_trigger_known")).Should(BeEquivalentTo(1))
	client := leader.scaler()
	_, err := client.IsActive(t.Context(), scaledObjectRef())
	c.Expect(err).NotTo(HaveOccurred())
	_, err = client.StreamIsActive(t.Context(), scaledObjectRef())
	c.Expect(err).NotTo(HaveOccurred())
	c.Eventually(leader.metric("kedify_gateway_keda_streams_open")).Should(BeEquivalentTo(1))
	c.Eventually(leader.metric("kedify_gateway_status_writes_total")).ShouldNot(BeZero())
	return leader
}

// TestFamilies: the names, types and texts of all metrics of the control plane follow the rules of Prometheus (promlint), and
// the page lists them.
func TestFamilies(t *testing.T) {
	families.Check(t, everything(t).registry, families.Part{Path: "../../docs/observe.md", Name: "the control plane"}, rare)
}

// TestTriggerSeriesAddUp: with two replicas, the sum over both is what the proxies counted, whichever replica each reports to, the
// states are exported by the leader alone, and all series go with the trigger.
func TestTriggerSeriesAddUp(t *testing.T) {
	c := newCluster(t, serviceYAML("a"), scaledObjectYAML)
	leader, other := c.leader("127.0.0.1"), c.replica("127.0.0.2")
	gateway := proxyOf("apps")
	c.Eventually(c.condition(gatewayNamed(gateway), "Accepted")).Should(Equal("True/Accepted"))
	sum := func(name string) func() float64 {
		return func() float64 {
			return leader.metric("kedify_gateway_trigger_"+name)() + other.metric("kedify_gateway_trigger_"+name)()
		}
	}
	c.Eventually(leader.hasSeries("kedify_gateway_trigger_known")).Should(BeTrue())
	c.Expect(sum("known")()).To(BeZero(), "no proxy has reported")
	c.Expect(leader.hasSeries("kedify_gateway_trigger_concurrency")()).To(BeFalse(), "what is not known is absent")
	one, fromOne := leader.counting(gateway, "one", "apps/web-0")
	two, fromTwo := other.counting(gateway, "two", "apps/web-0")
	for i := range 4 {
		after := time.Duration(i) * time.Second
		c.Expect(one.Send(started(counted("one", "apps/web-0", fromOne.Add(after), float64(10*i))))).To(Succeed())
		c.Expect(two.Send(started(counted("two", "apps/web-0", fromTwo.Add(after), float64(5*i))))).To(Succeed())
	}
	c.Eventually(sum("requests_total")).Should(BeEquivalentTo(45))
	c.Eventually(sum("concurrency")).Should(BeEquivalentTo(45))
	c.Eventually(sum("known")).Should(BeEquivalentTo(1))
	c.Eventually(sum("active")).Should(BeEquivalentTo(1))
	c.Expect(other.hasSeries("kedify_gateway_trigger_active")()).To(BeFalse())
	c.Consistently(sum("requests_total"), time.Second).Should(BeEquivalentTo(45), "the replicas told each other")

	gone := &kedav1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "web"}}
	c.Expect(c.client.Delete(t.Context(), gone)).To(Succeed())
	for _, r := range []*replica{leader, other} {
		c.Eventually(r.hasSeries("kedify_gateway_trigger_requests_total")).Should(BeFalse(), "series go with the trigger")
	}
}

// hasSeries reports whether a family has any series.
func (r *replica) hasSeries(name string) func() bool {
	return func() bool {
		families, err := r.registry.Gather()
		r.cluster.Expect(err).NotTo(HaveOccurred())
		return slices.ContainsFunc(families, func(one *dto.MetricFamily) bool { return one.GetName() == name })
	}
}
