package plane_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/service/metrics/v3"
	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

var evilKey = types.NamespacedName{Namespace: "evil", Name: "edge"}

const evilYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: evil, name: edge}
spec:
  gatewayClassName: kedify
  listeners: [{name: http, port: 80, protocol: HTTP}]
`

// metrics opens a stream of counters of a proxy, with any certificate.
func (r *replica) metrics(as credentials.TransportCredentials) metricsv3.MetricsService_StreamMetricsClient {
	r.cluster.t.Helper()
	stream, err := metricsv3.NewMetricsServiceClient(r.connection(as)).StreamMetrics(r.cluster.t.Context())
	r.cluster.Expect(err).NotTo(HaveOccurred())
	return stream
}

// counting opens a stream of counters of a proxy, and sends counters of a key, which are zero, until the replica takes them: it leaves
// out what comes before it knows the trigger of the key. It returns when the next counters are to be from.
func (r *replica) counting(gateway types.NamespacedName, node, key string) (metricsv3.MetricsService_StreamMetricsClient, time.Time) {
	r.cluster.t.Helper()
	stream, next := r.metrics(r.cluster.credentials(gateway)), time.Now()
	r.cluster.Eventually(func() string {
		r.cluster.Expect(stream.Send(started(counted(node, key, next, 0)))).To(Succeed())
		next = next.Add(time.Second) // messages that are closer are parts of one
		return r.view("/demand")
	}).WithPolling(100 * time.Millisecond).Should(ContainSubstring(`"` + node + `"`))
	return stream, next
}

// view is a debug view of the replica.
func (r *replica) view(path string) string {
	answer := httptest.NewRecorder()
	r.Dumps()[path].ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
	return answer.Body.String()
}

// metric reads a metric of the replica, summed over its labels.
func (r *replica) metric(name string) func() float64 {
	return func() (sum float64) {
		families, err := r.registry.Gather()
		r.cluster.Expect(err).NotTo(HaveOccurred())
		for _, family := range families {
			if family.GetName() == name {
				for _, one := range family.GetMetric() {
					sum += one.GetCounter().GetValue() + one.GetGauge().GetValue()
				}
			}
		}
		return sum
	}
}

// counted is a message of a proxy that counted requests for a demand key.
func counted(node, key string, at time.Time, requests float64) *metricsv3.StreamMetricsMessage {
	family := func(statistic string, metric *dto.Metric) *dto.MetricFamily {
		metric.TimestampMs = proto.Int64(at.UnixMilli())
		return &dto.MetricFamily{Name: proto.String("cluster.demand/" + key + "." + statistic), Metric: []*dto.Metric{metric}}
	}
	return &metricsv3.StreamMetricsMessage{
		Identifier: &metricsv3.StreamMetricsMessage_Identifier{Node: &corev3.Node{Id: node}},
		EnvoyMetrics: []*dto.MetricFamily{
			family("upstream_rq_total", &dto.Metric{Counter: &dto.Counter{Value: &requests}}),
			family("upstream_rq_active", &dto.Metric{Gauge: &dto.Gauge{Value: proto.Float64(requests)}}),
		},
	}
}

// X2: the certificate of a Gateway moves no trigger that the Gateway does not count for: its calls are refused and
// its counters are left out, at every replica, and both are counted.
func TestX2CertificateOfOneGatewayMovesNoOtherTrigger(t *testing.T) {
	c := newCluster(t, serviceYAML("a"), scaledObjectYAML, evilYAML)
	leader := c.leader("127.0.0.1")
	victim := proxyOf("apps")
	c.Eventually(c.condition(gatewayNamed(victim), "Accepted")).Should(Equal("True/Accepted"))
	c.Eventually(c.condition(gatewayNamed(evilKey), "Accepted")).Should(Equal("True/Accepted"))
	c.Eventually(func() string { return leader.held().Name }).ShouldNot(BeEmpty())

	call := leader.request(evilKey, "envoy", leader.held().Name, "apps/web-0")
	_, err := call.Recv()
	c.Expect(status.Code(err)).To(Equal(codes.PermissionDenied), "a call about the trigger of another tenant: %v", err)

	stream := leader.metrics(c.credentials(evilKey))
	began := time.Now()
	for i := range 5 {
		c.Expect(stream.Send(counted("envoy", "apps/web-0", began.Add(time.Duration(i)*time.Second), float64(i*1000)))).To(Succeed())
	}
	c.Eventually(leader.metric("kedify_gateway_count_foreign_keys_total")).Should(BeEquivalentTo(5))
	c.Expect(leader.metric("kedify_gateway_hold_refused_calls_total")()).To(BeEquivalentTo(1))
	demand := leader.view("/demand")
	c.Expect(demand).To(ContainSubstring("web-0"))
	c.Expect(demand).NotTo(ContainSubstring("evil"), "what the tenant reported counts nowhere")
	c.Expect(leader.view("/queue")).NotTo(ContainSubstring(`"apps/web-0":1`))

	leader.counting(victim, "own", "apps/web-0") // the proxies of the trigger count
}

// X7: the certificate of a Gateway that was deleted opens nothing for the next one of its name, at no service, and
// the streams that it had opened end with it.
func TestX7CertificateEndsWithItsGateway(t *testing.T) {
	t.Parallel() // it waits most of the time
	c := newCluster(t, gatewayYAML, serviceYAML("a", "10.0.0.1"), routeYAML("r", "a.example.com", toA))
	leader := c.leader("127.0.0.1")
	other := c.replica("127.0.0.2")
	stolen := c.credentials(gatewayKey)
	open := map[*replica]*deltatest.Proxy{}
	counters := map[*replica]metricsv3.MetricsService_StreamMetricsClient{}
	for _, r := range []*replica{leader, other} {
		open[r] = deltatest.Start(t,
			deltatest.Options{Gateway: ir.Key(gatewayKey), Dial: r.dial, Credentials: stolen, Missing: []string{"invalid"}})
		c.Eventually(version(open[r], resource.Route, hostTable)).ShouldNot(BeEmpty())
		counters[r] = r.metrics(stolen)
		c.Expect(counters[r].Send(counted("envoy", "a/b", time.Now(), 1))).To(Succeed())
	}

	c.Expect(c.client.Delete(t.Context(), gatewayNamed(gatewayKey))).To(Succeed())
	c.set(strings.Replace(gatewayYAML, "port: 80", "port: 8081", 1))

	for _, r := range []*replica{leader, other} {
		open[r].Wait("the end of the stream", func(s deltatest.State) bool { return s.Ended() })
		ended := make(chan error, 1)
		go func() { ended <- counters[r].RecvMsg(&metricsv3.StreamMetricsResponse{}) }()
		c.Eventually(ended).Should(Receive(HaveOccurred()))
		for _, event := range open[r].Events() {
			c.Expect(event.Name).NotTo(ContainSubstring("8081"), "sent to the proxy of the deleted Gateway")
		}
		fresh := r.proxy(gatewayKey, deltatest.Options{Node: "fresh"})
		c.Eventually(version(fresh, resource.Listener, "tcp/8081")).ShouldNot(BeEmpty(), "the proxies of the new Gateway")

		again := deltatest.New(t, deltatest.Options{Gateway: ir.Key(gatewayKey), Dial: r.dial, Credentials: stolen})
		c.Expect(again.TryConnect()).To(Succeed())
		again.Wait("the end of the stream", func(s deltatest.State) bool { return s.Ended() })
		c.Expect(status.Code(again.Err())).To(Equal(codes.PermissionDenied))
		c.Expect(status.Code(r.metrics(stolen).RecvMsg(&metricsv3.StreamMetricsResponse{}))).To(Equal(codes.PermissionDenied))
		_, err := r.requestWith(stolen, "envoy", endpointsA, "a/b").Recv()
		c.Expect(status.Code(err)).To(Equal(codes.PermissionDenied))
	}
}

// X7: a certificate of a version of the product that named no UID opens nothing.
func TestX7CertificateWithoutUIDIsRefused(t *testing.T) {
	c := newCluster(t, gatewayYAML)
	r := c.leader("127.0.0.1")
	old := deltatest.New(t, deltatest.Options{Dial: r.dial, Credentials: c.credentialsOf("spiffe://kedify-gateway/ns/infra/gateway/gw")})
	c.Expect(old.TryConnect()).To(Succeed())
	old.Wait("the end of the stream", func(s deltatest.State) bool { return s.Ended() })
	c.Expect(status.Code(old.Err())).To(Equal(codes.Unauthenticated))
}

// X7: before a replica has read the Gateways it believes every certificate and sends nothing; then it ends the streams
// of those that do not exist.
func TestX7StartingReplicaProvesCertificates(t *testing.T) {
	c := newCluster(t, gatewayYAML, serviceYAML("a", "10.0.0.1"), routeYAML("r", "a.example.com", toA))
	c.api.Unlist("HTTPRoute")
	r := c.start("127.0.0.1")
	ghost := func(gateway types.NamespacedName) *deltatest.Proxy {
		identity := server.Identity(gateway, "ghost")
		return deltatest.New(t, deltatest.Options{Gateway: ir.Key(gateway), Dial: r.dial, Credentials: c.credentialsOf(identity)})
	}
	ghosts := []*deltatest.Proxy{ghost(gatewayKey), ghost(types.NamespacedName{Namespace: "infra", Name: "without-a-namesake"})}
	for _, ghost := range ghosts {
		c.Expect(ghost.TryConnect()).To(Succeed())
	}
	real := r.proxy(gatewayKey, deltatest.Options{})
	c.Consistently(func() bool { return ghosts[0].Err() != nil || ghosts[1].Err() != nil || real.Err() != nil },
		300*time.Millisecond).Should(BeFalse())
	c.api.List("HTTPRoute")
	for _, ghost := range ghosts {
		ghost.Wait("the end of the stream", func(s deltatest.State) bool { return s.Ended() })
		c.Expect(status.Code(ghost.Err())).To(Equal(codes.PermissionDenied))
	}
	c.Eventually(version(real, resource.Listener, "tcp/80")).ShouldNot(BeEmpty())
}
