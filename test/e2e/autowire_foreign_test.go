package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// foreign is a kind of object that leads requests to an application, with the program that serves it
// (`bin/install -foreign`).
type foreign struct {
	kind       string // as trafficAutowire spells it
	apiVersion string
	object     string // kind of the object that names backends
	// consumer is the Service of the program that serves the object: its namespace and name.
	consumer [2]string
	// rename is the most requests, of 50 per second, that the rename of a backend may cost at this consumer; zero
	// stands for one. Contour sends routes and clusters on streams of their own, and its Envoy answers
	// 503 until both are there: up to 21 requests of an owner's own renames, without the product (ADR 0011).
	rename int
	// yaml has the object, with what else it needs, for Name (object and Service) and Host.
	yaml string
}

// foreigners are all kinds that are rewritten.
var foreigners = []foreign{
	{kind: "ingress", apiVersion: "networking.k8s.io/v1", object: "Ingress", consumer: [2]string{"projectcontour", "envoy"},
		rename: 25, yaml: `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{.Name}}
  annotations: {projectcontour.io/response-timeout: 2m}
spec:
  ingressClassName: contour
  rules:
  - host: {{.Host}}
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: {{.Name}}, port: {number: 80}}}}]}
`},
	{kind: "httproute", apiVersion: "gateway.networking.k8s.io/v1", object: "HTTPRoute", consumer: [2]string{"projectcontour",
		"envoy"}, rename: 25, yaml: `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: {{.Name}}}
spec:
  parentRefs: [{namespace: projectcontour, name: contour}]
  hostnames: [{{.Host}}]
  rules: [{timeouts: {request: 2m}, backendRefs: [{name: {{.Name}}, port: 80}]}]
`},
	{kind: "virtualservice", apiVersion: "networking.istio.io/v1", object: "VirtualService",
		consumer: [2]string{"istio-system", "gateway"}, yaml: `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: {{.Name}}}
spec:
  selector: {istio: gateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [{{.Host}}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: {{.Name}}}
spec:
  hosts: [{{.Host}}]
  gateways: [{{.Name}}]
  http: [{route: [{destination: {host: {{.Name}}, port: {number: 80}}}]}]
`},
	{kind: "route", apiVersion: "route.openshift.io/v1", object: "Route", consumer: [2]string{"haproxy-routes", "haproxy"}, yaml: `
apiVersion: route.openshift.io/v1
kind: Route
metadata: {name: {{.Name}}}
spec:
  host: {{.Host}}
  to: {kind: Service, name: {{.Name}}, weight: 100}
  port: {targetPort: http}
`},
}

// lead applies an object of the kind, and returns the address where its program serves it.
func (f foreign) lead(t testing.TB, c *cluster.Cluster, namespace, name, host string) (address string) {
	t.Helper()
	c.Apply(t, namespace, render(t, f.yaml, struct{ Name, Host string }{name, host}))
	return f.address(t, c)
}

// address is the load balancer of the program that serves the kind.
func (f foreign) address(t testing.TB, c *cluster.Cluster) string {
	t.Helper()
	var ip string
	cluster.Eventually(t, time.Minute, func() error {
		service := cluster.Get(t, c, f.consumer[0], f.consumer[1], &corev1.Service{})
		if len(service.Status.LoadBalancer.Ingress) == 0 {
			return fmt.Errorf("service %s/%s has no address", f.consumer[0], f.consumer[1])
		}
		ip = service.Status.LoadBalancer.Ingress[0].IP
		return nil
	})
	return ip + ":80"
}

// TestAutowireConsumers has Contour serve an Ingress and an HTTPRoute, Istio a VirtualService and
// the stand-in for OpenShift's router a Route, each from its pods with their own roles. The other
// tests of autowiring rely on it; the product has no part in it.
func TestAutowireConsumers(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	for _, f := range foreigners {
		t.Run(f.object, func(t *testing.T) {
			c.Apply(t, namespace, render(t, workloadYAML, workload{Name: f.kind, Replicas: 1}))
			c.DeploymentReady(t, namespace, f.kind)
			host := f.kind + ".foreign.test"
			address := f.lead(t, c, namespace, f.kind, host)
			probe(t, address, host, "/")
			// Ready endpoints only: without one there is an error of the consumer's own.
			c.Scale(t, namespace, f.kind, 0)
			becomes(t, address, host, "/", http.StatusServiceUnavailable)
		})
	}
}
