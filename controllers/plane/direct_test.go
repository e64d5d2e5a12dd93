package plane_test

import (
	"fmt"
	"testing"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	. "github.com/onsi/gomega"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// scaler is KEDA's client of a replica.
func (r *replica) scaler() pb.ExternalScalerClient {
	r.cluster.t.Helper()
	connection, err := grpc.NewClient((<-r.keda).String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	r.cluster.Expect(err).NotTo(HaveOccurred())
	r.cluster.t.Cleanup(func() { _ = connection.Close() })
	return pb.NewExternalScalerClient(connection)
}

// scaledObjectRef is the question of KEDA about the trigger of scaledObjectYAML.
func scaledObjectRef() *pb.ScaledObjectRef {
	return &pb.ScaledObjectRef{Namespace: "apps", Name: "web", ScalerMetadata: map[string]string{
		"originalType": "kedify-http", "hosts": "web.example.com", "service": "a", "port": "80",
		"scalingMetric": "requestRate", "targetValue": "10",
	}}
}

// T52, the controllers' part: where the wiring says that requests go past the proxies, every replica answers
// that the demand is unknown and the trigger active, and the leader says so in the conditions.
func TestT52EveryReplicaKnowsThePath(t *testing.T) {
	c := newCluster(t, serviceYAML("a", "10.0.0.1"), scaledObjectYAML)
	replicas := []pb.ExternalScalerClient{c.leader("127.0.0.1").scaler(), c.replica("127.0.0.2").scaler()}
	trigger := &v1alpha1.HTTPScaler{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "web-0"}}
	c.Eventually(c.condition(trigger, "Accepted")).Should(HavePrefix("True/"))
	ref := scaledObjectRef()
	lead := func(wiring string) {
		t.Helper()
		patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"status":{"wiring":%s}}`, wiring))
		c.Expect(c.client.Status().Patch(t.Context(), trigger.DeepCopy(), patch)).To(Succeed())
	}
	answers := func(problem string) {
		t.Helper()
		for _, replica := range replicas {
			c.Eventually(func() string {
				_, err := replica.GetMetrics(t.Context(), &pb.GetMetricsRequest{ScaledObjectRef: ref, MetricName: "http-request-rate"})
				return status.Convert(err).Message()
			}).Should(ContainSubstring(problem))
			active, err := replica.IsActive(t.Context(), ref)
			c.Expect(active.GetResult(), err).To(BeTrue())
		}
	}
	lead(`{"path":"Direct","since":"2026-11-29T12:00:00Z","services":["a-kedify"]}`)
	answers("wired Services lead to the application past the proxies")
	c.Eventually(c.condition(trigger, "Bypassed")).Should(Equal("True/Direct"))
	lead(fmt.Sprintf(`{"path":"Proxy","directUntil":%q}`, time.Now().UTC().Format(time.RFC3339)))
	answers("requests went to the application past the proxies until")
	c.Eventually(c.condition(trigger, "Bypassed")).Should(Equal("absent"))
}
