package plane_test

import (
	"context"
	"errors"
	"maps"
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
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/kedify/inference-gateway/controllers/lead"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// byLease has replicas that are made elect their leader by a Lease. While away is set, no API server answers them.
func (c *cluster) byLease() (away *atomic.Bool) {
	away = &atomic.Bool{}
	leases := fake.NewClientset()
	leases.PrependReactor("*", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		return away.Load(), nil, errAway
	})
	c.elect = func(name string) lead.Elect {
		return lead.ByLease(leases.CoordinationV1(), types.NamespacedName{Namespace: installation, Name: "leader"}, name, logr.Discard())
	}
	c.away = away
	return away
}

// freshProxy is an Envoy of the Gateway that starts anew. It gets what another one has, from the memory of the replica.
func (r *replica) freshProxy(other *deltatest.Proxy) {
	r.cluster.t.Helper()
	const limit = 2 * time.Second
	begun := time.Now()
	fresh := r.proxy(gatewayKey, deltatest.Options{Node: "fresh"})
	for _, kind := range resource.Types {
		r.cluster.Eventually(func() bool { return maps.Equal(fresh.Versions(kind), other.Versions(kind)) }).Should(BeTrue(), "%s", kind)
	}
	took := time.Since(begun)
	r.cluster.t.Logf("a fresh proxy had everything after %s", took.Round(time.Millisecond))
	r.cluster.Expect(took).To(BeNumerically("<", limit))
	r.cluster.Expect(version(fresh, resource.Route, "80/b.example.com")()).NotTo(BeEmpty())
}

var errAway = errors.New("the API server is away")

// direct is the API server for what replicas do not read from informers.
func (c *cluster) direct() client.Client {
	if len(c.watch) > 0 {
		return c.confined()
	}
	if c.away == nil {
		return c.client
	}
	return interceptor.NewClient(c.api.Client, interceptor.Funcs{
		Get: func(ctx context.Context, api client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if c.away.Load() {
				return errAway
			}
			return api.Get(ctx, key, object, options...)
		},
		List: func(ctx context.Context, api client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if c.away.Load() {
				return errAway
			}
			return api.List(ctx, list, options...)
		},
	})
}

// X9: a replica that loses the API server, and its Lease with it, serves on: Envoys keep their streams, requests wait
// and are released, KEDA gets answers. It writes nothing until it has the Lease again, and then what it had to say.
func TestX9ReplicaServesOnWithoutItsLease(t *testing.T) {
	t.Parallel() // it waits most of the time
	const toB = `  - {backendRefs: [{name: b, port: 80}]}`
	c := newCluster(t, serviceYAML("a"), scaledObjectYAML, gatewayYAML, serviceYAML("b", "10.0.0.9"), routeYAML("r", "b.example.com", toB))
	away := c.byLease()
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
	r.freshProxy(envoy)

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
