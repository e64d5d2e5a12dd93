package plane_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kedify/inference-gateway/controllers/lead"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// X9: a replica that loses the API server, and its Lease with it, serves on: Envoys keep their streams, requests wait
// and are released, KEDA gets answers. It writes nothing until it has the Lease again, and then what it had to say.
func TestX9ReplicaServesOnWithoutItsLease(t *testing.T) {
	const toB = `  - {backendRefs: [{name: b, port: 80}]}`
	c := newCluster(t, serviceYAML("a"), scaledObjectYAML, gatewayYAML, serviceYAML("b", "10.0.0.9"), routeYAML("r", "b.example.com", toB))
	leases := fake.NewClientset()
	var away atomic.Bool // the API server
	leases.PrependReactor("*", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		return away.Load(), nil, errors.New("the API server is away")
	})
	c.elect = func(name string) lead.Elect {
		return lead.ByLease(leases.CoordinationV1(), types.NamespacedName{Namespace: installation, Name: "leader"}, name, logr.Discard())
	}
	r := c.replica("127.0.0.1")
	leads := r.metric("kedify_gateway_leader")
	c.Eventually(leads).Should(BeEquivalentTo(1))
	applications := proxyOf("apps")
	c.Eventually(c.condition(gatewayNamed(applications), "Accepted")).Should(Equal("True/Accepted"))
	c.Eventually(c.condition(routeNamed("r"), "Accepted")).Should(Equal("True/Accepted"))
	envoy := r.proxy(gatewayKey, deltatest.Options{Node: "edge"})
	holding := r.proxy(applications, deltatest.Options{Node: "envoy"})
	c.Eventually(func() bool { return r.dump(applications).Synced && r.dump(gatewayKey).Synced }).Should(BeTrue())
	c.Eventually(func() string { return r.held().Name }).ShouldNot(BeEmpty())
	held := r.request(applications, "envoy", r.held().Name, "apps/web-0")
	answered := make(chan *extprocv3.ProcessingResponse, 1)
	go func() {
		answer, _ := held.Recv() // nil: the stream failed
		answered <- answer
	}()
	c.Eventually(func() int { return r.held().Held }).Should(Equal(1))
	keda := r.scaler()
	active := func() bool {
		answer, err := keda.IsActive(t.Context(), scaledObjectRef())
		c.Expect(err).NotTo(HaveOccurred())
		return answer.GetResult()
	}
	c.Eventually(active).Should(BeTrue())
	pushes, err := keda.StreamIsActive(t.Context(), scaledObjectRef())
	c.Expect(err).NotTo(HaveOccurred())
	push, err := pushes.Recv()
	c.Expect(push.GetResult(), err).To(BeTrue())

	away.Store(true)
	c.Eventually(leads).Should(BeEquivalentTo(0), "a Lease that cannot be renewed is lost")

	c.Consistently(answered, 300*time.Millisecond).ShouldNot(Receive(), "the request waits")
	c.Expect(active()).To(BeTrue())
	c.Expect(pushes.Context().Err()).NotTo(HaveOccurred(), "the stream of KEDA goes on")
	c.set(serviceYAML("a", "10.0.0.1"))
	var answer *extprocv3.ProcessingResponse
	c.Eventually(answered).Should(Receive(&answer))
	c.Expect(answer.GetRequestHeaders()).NotTo(BeNil(), "the request goes on: %v", answer)
	c.set(routeYAML("late", "late.example.com", toB))
	c.Eventually(version(envoy, resource.Route, "80/late.example.com")).ShouldNot(BeEmpty())
	for _, proxy := range []*deltatest.Proxy{envoy, holding} {
		c.Expect(proxy.Err()).NotTo(HaveOccurred(), "its stream goes on")
		c.Expect(proxy.Violations()).To(BeEmpty(), "requests would have failed")
	}
	c.Expect(c.condition(routeNamed("late"), "Accepted")()).To(Equal("absent"), "it writes nothing")

	away.Store(false)
	c.Eventually(leads).Should(BeEquivalentTo(1))
	c.Eventually(c.condition(routeNamed("late"), "Accepted")).Should(Equal("True/Accepted"))
}
