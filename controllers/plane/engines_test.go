package plane_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kedify/inference-gateway/api/debug"
)

// modelYAML is a Pod of Service a, ready or not, and an endpoint that names it.
func modelYAML(name, ip string, ready bool) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {namespace: apps, name: %[1]s, uid: u-%[1]s}
spec: {containers: [{name: vllm, image: vllm}]}
status: {podIP: %[2]s, podIPs: [{ip: %[2]s}], conditions: [{type: Ready, status: "%[4]s"}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: apps, name: a-%[1]s, labels: {kubernetes.io/service-name: a}}
addressType: IPv4
ports: [{name: web, port: 3000}]
endpoints: [{addresses: [%[2]s], conditions: {ready: %[3]t}, targetRef: {kind: Pod, namespace: apps, name: %[1]s}}]
`, name, ip, ready, map[bool]string{true: "True", false: "False"}[ready])
}

// valueOf is the value of a trigger at a replica.
func (r *replica) valueOf(key string) func() float64 {
	return func() float64 {
		var all []debug.Demand
		answer := httptest.NewRecorder()
		r.Dumps()["/demand"].ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/demand", nil))
		r.cluster.Expect(json.Unmarshal(answer.Body.Bytes(), &all)).To(Succeed())
		for _, demand := range all {
			if demand.Key == key {
				return demand.Value
			}
		}
		return -1
	}
}

// TestEnginesAreRead: what the Pods of a trigger say reaches every replica, of Pods that come and go; a hand-made endpoint leads to no
// connection.
func TestEnginesAreRead(t *testing.T) {
	pods := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		waiting := map[string]int{"10.244.0.1:3000": 2, "10.244.0.2:3000": 5}[r.Host]
		fmt.Fprintf(w, "vllm:num_requests_waiting{engine=\"0\"} %d\n", waiting)
	}))
	t.Cleanup(pods.Close)
	asked := strings.Replace(scaledObjectYAML, "scalingMetric: requestRate", "scalingMetric: queueDepth", 1)
	c := newCluster(t, serviceYAML("a"), modelYAML("one", "10.244.0.1", true), asked)
	elsewhere := atomic.Int32{}
	c.dialPod = func(ctx context.Context, network, address string) (net.Conn, error) {
		if !strings.HasPrefix(address, "10.244.0.") {
			elsewhere.Add(1)
		}
		return (&net.Dialer{}).DialContext(ctx, network, pods.Listener.Addr().String())
	}
	leader, other := c.leader("127.0.0.1"), c.replica("127.0.0.2")
	know := func(value float64) {
		t.Helper()
		for _, r := range []*replica{leader, other} {
			c.Eventually(r.valueOf("apps/web-0")).Should(Equal(value), "replica %s", r.ip)
		}
	}
	know(2)
	c.set(modelYAML("two", "10.244.0.2", true))
	know(7)
	c.set(modelYAML("one", "10.244.0.1", false))
	know(5)
	c.set(`
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: apps, name: a-forged, labels: {kubernetes.io/service-name: a}}
addressType: IPv4
ports: [{name: web, port: 3000}]
endpoints: [{addresses: [10.96.0.1], conditions: {ready: true}, targetRef: {kind: Pod, namespace: apps, name: two}}]
`)
	know(10) // of two endpoints one is unknown: the mean
	if n := elsewhere.Load(); n > 0 {
		t.Errorf("%d connections to an address that no Pod has", n)
	}
}
