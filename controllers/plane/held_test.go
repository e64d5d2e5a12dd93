package plane_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	. "github.com/onsi/gomega"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
	"github.com/kedify/inference-gateway/xds/translate"
)

const scaledObjectYAML = `
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {namespace: apps, name: web}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 0
  triggers:
  - type: external-push
    metadata:
      originalType: kedify-http
      scalerAddress: kedify-gateway.kedify-system.svc:9090
      hosts: web.example.com
      service: a
      port: "80"
      scalingMetric: requestRate
      targetValue: "10"
      trafficAutowire: "false"
`

// holds are what a replica holds, by gateway.
func (r *replica) holds() (dumps []debug.Hold) {
	r.cluster.t.Helper()
	answer := httptest.NewRecorder()
	r.Dumps()["/hold"].ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/hold", nil))
	r.cluster.Expect(json.Unmarshal(answer.Body.Bytes(), &dumps)).To(Succeed())
	return dumps
}

// memory of the Envoys of a gateway, as the hold of a replica knows it.
func (r *replica) memory(gateway types.NamespacedName) uint64 {
	r.cluster.t.Helper()
	for _, dump := range r.holds() {
		if types.NamespacedName(dump.Gateway) == gateway {
			return dump.Memory
		}
	}
	return 0
}

// TestX6HoldKnowsTheMemory: every replica knows what the Envoys of a gateway may use: by default, and by the parameters of
// the Gateway.
func TestX6HoldKnowsTheMemory(t *testing.T) {
	c := newCluster(t, serviceYAML("a"), scaledObjectYAML)
	c.leader("127.0.0.1")
	other := c.replica("127.0.0.2")
	gateway := types.NamespacedName{Namespace: "apps", Name: v1alpha1.ProxyGatewayName}
	c.Eventually(func() uint64 { return other.memory(gateway) }).Should(BeNumerically("==", 3865470566))
	c.set(`
apiVersion: gateway.kedify.io/v1alpha1
kind: GatewayParameters
metadata: {namespace: apps, name: small}
spec: {envoy: {resources: {limits: {memory: 512Mi}}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: apps, name: own}
spec:
  gatewayClassName: kedify
  infrastructure: {parametersRef: {group: gateway.kedify.io, kind: GatewayParameters, name: small}}
  listeners: [{name: http, port: 80, protocol: HTTP}]
`)
	gateway.Name = "own"
	c.Eventually(func() uint64 { return other.memory(gateway) }).Should(BeNumerically("==", 483183820))
}

// held returns the backend that holds requests of a replica; an empty one: there is none.
func (r *replica) held() debug.HoldBackend {
	r.cluster.t.Helper()
	for _, dump := range r.holds() {
		for _, backend := range dump.Backends {
			return backend
		}
	}
	return debug.HoldBackend{}
}

// request asks a replica, as an Envoy does, about a request that has no endpoint.
func (r *replica) request(gateway types.NamespacedName, node, backend, demand string) extprocv3.ExternalProcessor_ProcessClient {
	r.cluster.t.Helper()
	return r.requestWith(r.cluster.credentials(gateway), node, backend, demand)
}

// requestWith is request with any certificate, and with more metadata.
func (r *replica) requestWith(
	as credentials.TransportCredentials, node, backend, demand string, pairs ...string,
) extprocv3.ExternalProcessor_ProcessClient {
	r.cluster.t.Helper()
	pairs = append(pairs, translate.HoldBackend, backend, translate.HoldDemand, demand)
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(context.Background(), pairs...))
	r.cluster.t.Cleanup(cancel)
	stream, err := extprocv3.NewExternalProcessorClient(r.connection(as)).Process(ctx)
	r.cluster.Expect(err).NotTo(HaveOccurred())
	attributes, err := structpb.NewStruct(map[string]any{translate.HoldNode: node})
	r.cluster.Expect(err).NotTo(HaveOccurred())
	header := func(name, value string) *corev3.HeaderValue {
		return &corev3.HeaderValue{Key: name, RawValue: []byte(value)}
	}
	r.cluster.Expect(stream.Send(&extprocv3.ProcessingRequest{
		Attributes: map[string]*structpb.Struct{"envoy.filters.http.ext_proc": attributes},
		Request: &extprocv3.ProcessingRequest_RequestHeaders{RequestHeaders: &extprocv3.HttpHeaders{
			Headers: &corev3.HeaderMap{Headers: []*corev3.HeaderValue{
				header(":method", "POST"), header(":path", "/"), header(":authority", "web.example.com"),
			}},
			EndOfStream: true,
		}},
	})).To(Succeed())
	return stream
}

// The trigger of a ScaledObject has requests held at the replica that their Envoy asks, be it the
// leader or not, and an endpoint that becomes ready releases them.
func TestHeldRequestIsReleased(t *testing.T) { requestIsHeldAndReleased(t, scaledObjectYAML) }

// A backend that never goes to zero has no endpoint, too, when its last Pod dies: its requests are held.
func TestS3RequestsAreHeldWithAnyMinimum(t *testing.T) {
	requestIsHeldAndReleased(t, strings.Replace(scaledObjectYAML, "minReplicaCount: 0", "minReplicaCount: 1", 1))
}

func requestIsHeldAndReleased(t *testing.T, scaledObject string) {
	c := newCluster(t, serviceYAML("a"), scaledObject)
	c.leader("127.0.0.1")
	other := c.replica("127.0.0.2")
	gateway := types.NamespacedName{Namespace: "apps", Name: v1alpha1.ProxyGatewayName}
	c.Eventually(c.condition(gatewayNamed(gateway), "Accepted")).Should(Equal("True/Accepted"))
	proxy := other.proxy(gateway, deltatest.Options{Node: "envoy"})
	c.Eventually(func() bool { return other.dump(gateway).Synced }).Should(BeTrue())
	c.Eventually(func() string { return other.held().Name }).ShouldNot(BeEmpty())

	answered := answerOf(other.request(gateway, "envoy", other.held().Name, "apps/web-0"))
	c.Eventually(func() int { return other.held().Held }).Should(Equal(1))
	c.Expect(answered).NotTo(Receive())

	c.set(serviceYAML("a", "10.0.0.1"))
	var answer *extprocv3.ProcessingResponse
	c.Eventually(answered).Should(Receive(&answer))
	c.Expect(answer.GetRequestHeaders()).NotTo(BeNil(), "the request goes on: %v", answer)
	c.Expect(proxy.Violations()).To(BeEmpty(), "requests would have failed")
}

// answerOf receives the answer about one request; nil: the stream failed.
func answerOf(stream extprocv3.ExternalProcessor_ProcessClient) <-chan *extprocv3.ProcessingResponse {
	answered := make(chan *extprocv3.ProcessingResponse, 1)
	go func() {
		answer, _ := stream.Recv()
		answered <- answer
	}()
	return answered
}

// The maintenance page is shown with any minimum, and although a Pod is ready.
func TestS2MaintenancePageWithAnyMinimum(t *testing.T) {
	scaledObject := strings.Replace(scaledObjectYAML, "minReplicaCount: 0", "minReplicaCount: 1", 1)
	c := newCluster(t, serviceYAML("a", "10.0.0.1"), strings.TrimRight(scaledObject, "\n")+`
      maintenancePageEnabled: "true"
`)
	leader := c.leader("127.0.0.1")
	gateway := types.NamespacedName{Namespace: "apps", Name: v1alpha1.ProxyGatewayName}
	c.Eventually(c.condition(gatewayNamed(gateway), "Accepted")).Should(Equal("True/Accepted"))
	leader.proxy(gateway, deltatest.Options{Node: "envoy"})
	c.Eventually(func() string { return leader.held().Name }).ShouldNot(BeEmpty())
	c.Eventually(func() string { return leader.held().State }).Should(Equal("armed"), "every request is asked about")

	var answer *extprocv3.ProcessingResponse
	c.Eventually(answerOf(leader.request(gateway, "envoy", leader.held().Name, "apps/web-0"))).Should(Receive(&answer))
	c.Expect(answer.GetImmediateResponse().GetStatus().GetCode()).To(BeNumerically("==", http.StatusServiceUnavailable))
	c.Expect(answer.GetImmediateResponse().GetDetails()).To(Equal("hold_maintenance_page"))
}

// A target that is paused at zero starts for no request: it is told so at once.
func TestS8PausedAtZero(t *testing.T) {
	scaledObject := strings.Replace(scaledObjectYAML, "name: web}",
		`name: web, annotations: {autoscaling.keda.sh/paused-replicas: "0"}}`, 1)
	c := newCluster(t, serviceYAML("a"), scaledObject, `
apiVersion: apps/v1
kind: Deployment
metadata: {namespace: apps, name: web}
spec: {replicas: 0}
`)
	leader := c.leader("127.0.0.1")
	gateway := types.NamespacedName{Namespace: "apps", Name: v1alpha1.ProxyGatewayName}
	c.Eventually(c.condition(gatewayNamed(gateway), "Accepted")).Should(Equal("True/Accepted"))
	leader.proxy(gateway, deltatest.Options{Node: "envoy"})
	c.Eventually(func() string { return leader.held().State }).Should(Equal("cold"))

	var answer *extprocv3.ProcessingResponse
	c.Eventually(answerOf(leader.request(gateway, "envoy", leader.held().Name, "apps/web-0"))).Should(Receive(&answer))
	c.Expect(answer.GetImmediateResponse().GetDetails()).To(Equal("hold_paused"))
}
