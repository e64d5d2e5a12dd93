package plan

import (
	"strings"
	"testing"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

const application = `kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 3000}]}
---
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 3000}]
endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}]`

const atZero = `kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: []
endpoints: []`

const trigger = `kind: HTTPScaler
metadata: {name: web-0, creationTimestamp: "2026-11-01T00:00:00Z"}
spec: {type: kedify-http, trigger: "0", hosts: [shop.example.com], backend: {service: web, port: 80}}
status:
  gateway: kedify-proxy
  conditions: [{type: Accepted, status: "True", reason: Accepted, message: "", lastTransitionTime: null}]`

const ingress = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}`

const sep = "\n---\n"

func wiredCluster(t *testing.T, more ...string) *cluster {
	t.Helper()
	c := newCluster(t, strings.Join(append(more, trigger, application, ingress), sep))
	c.converge()
	c.leadsTo("web-kedify")
	return c
}

// leadsTo checks the backend of the Ingress.
func (c *cluster) leadsTo(want string) {
	c.t.Helper()
	object := get[*unstructured.Unstructured](c, "Ingress shop/web")
	if name, _, _ := unstructured.NestedString(object.Object, "spec", "defaultBackend", "service", "name"); name != want {
		c.t.Errorf("the Ingress leads to %s, want %s", name, want)
	}
}

// endpointsOf says which endpoints of a Service are ready, and which are standby.
func (c *cluster) endpointsOf(service string) (ready, standby []string) {
	for _, slice := range list[*discoveryv1.EndpointSlice](c, "EndpointSlice", "shop") {
		if slice.Labels[discoveryv1.LabelServiceName] != service {
			continue
		}
		for _, e := range slice.Endpoints {
			switch {
			case ptr.Deref(e.Conditions.Ready, true):
				ready = append(ready, e.Addresses[0])
			case ptr.Deref(e.Conditions.Serving, false) && ptr.Deref(e.Conditions.Terminating, false):
				standby = append(standby, e.Addresses[0])
			}
		}
	}
	return ready, standby
}

func (c *cluster) expect(service, ready, standby string) {
	c.t.Helper()
	gotReady, gotStandby := c.endpointsOf(service)
	if strings.Join(gotReady, " ") != ready || strings.Join(gotStandby, " ") != standby {
		c.t.Errorf("Service %s has ready %s and standby %s, want %q and %q", service, gotReady, gotStandby, ready, standby)
	}
}

func (c *cluster) status() *v1alpha1.HTTPScalerWiring {
	return get[*v1alpha1.HTTPScaler](c, "HTTPScaler shop/web-0").Status.Wiring
}

const (
	app   = "10.0.0.1"
	proxy = "10.1.0.1"
)
