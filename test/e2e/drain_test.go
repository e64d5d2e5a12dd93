package e2e

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

const drainYAML = `
apiVersion: gateway.kedify.io/v1alpha1
kind: GatewayParameters
metadata: {name: web}
spec:
  replicas: 2
  envoy: {drainTimeout: 20s}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: kedify
  infrastructure:
    parametersRef: {group: gateway.kedify.io, kind: GatewayParameters, name: web}
  listeners:
  - {name: http, protocol: HTTP, port: 80}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{name: web}]
  rules:
  - backendRefs: [{name: a, port: 80}]
`

// proxies selects the Envoys of the Gateway web.
const proxies = "gateway.networking.k8s.io/gateway-name=web"

// TestDrainLosesNothing replaces every Envoy of a Gateway, twice, while keep-alive connections,
// new connections and slow requests run through it. No request may be lost.
func TestDrainLosesNothing(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	c.Apply(t, namespace, render(t, echoYAML, echo{Name: "a", Replicas: 2}))
	c.Apply(t, namespace, drainYAML)
	c.DeploymentsReady(t, namespace)
	address := c.GatewayReady(t, namespace, "web")
	c.RouteHas(t, namespace, "web", cluster.Accepted, cluster.ResolvedRefs)
	probe(t, address, "a.example.com", "/")
	proxy := c.Deployment(t, namespace, proxies)
	c.DeploymentReady(t, namespace, proxy.Name)

	begin := func(workers int, fresh bool, request load.Request) *load.Run {
		return load.Start(t, load.Options{
			Address: address + ":80", Workers: workers, Pause: 5 * time.Millisecond, Fresh: fresh, Requests: []load.Request{request},
		})
	}
	keepAlive := begin(4, false, load.Request{Method: "POST", Host: "a.example.com", Path: "/", Body: "a body"})
	fresh := begin(2, true, load.Request{Host: "a.example.com", Path: "/"})
	slow := begin(4, false, load.Request{Host: "a.example.com", Path: "/?delay=2s"})

	for round := range 2 {
		before := c.Pods(t, namespace, proxies)
		gateway := &gwv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web"}}
		cluster.Edit(t, c, gateway, func(g *gwv1.Gateway) {
			value := gwv1.AnnotationValue(fmt.Sprint(round))
			g.Spec.Infrastructure.Annotations = map[gwv1.AnnotationKey]gwv1.AnnotationValue{"example.com/round": value}
		})
		replaced(t, c, namespace, before)
		c.DeploymentReady(t, namespace, proxy.Name)
	}
	t.Run("KeepAlive", func(t *testing.T) { keepAlive.MustBeClean(t, 1000) })
	t.Run("NewConnections", func(t *testing.T) { fresh.MustBeClean(t, 500) })
	t.Run("SlowRequests", func(t *testing.T) { slow.MustBeClean(t, 10) })
}

// replaced waits until none of the pods runs any more.
func replaced(t *testing.T, c *cluster.Cluster, namespace string, before []corev1.Pod) {
	t.Helper()
	old := map[string]bool{}
	for _, pod := range before {
		old[pod.Name] = true
	}
	cluster.Eventually(t, 3*time.Minute, func() error {
		for _, pod := range c.Pods(t, namespace, proxies) {
			if old[pod.Name] {
				return fmt.Errorf("pod %s still runs", pod.Name)
			}
		}
		return nil
	})
}
