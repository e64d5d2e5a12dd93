package scaledobject

import (
	"testing"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// TestT24PortNameFollowsTheService: the generated route leads to the port of that name, also after the
// Service gave it another number.
func TestT24PortNameFollowsTheService(t *testing.T) {
	so, service := scaledObject("web", "a.test"), webService()
	delete(so.Spec.Triggers[0].Metadata, "port")
	so.Spec.Triggers[0].Metadata["portName"] = "http"
	service.Spec.Ports[0].Name = "http"
	b := newBench(t, so, service)
	for _, number := range []gwv1.PortNumber{80, 8081} {
		service.Spec.Ports[0].Port = number
		b.update(service)
		b.reconcile()
		route := &gwv1.HTTPRoute{}
		if !b.exists(route, "web-0") {
			t.Fatal("there is no route")
		}
		if port := route.Spec.Rules[0].BackendRefs[0].Port; port == nil || *port != number {
			t.Errorf("the route leads to port %v, want %d", port, number)
		}
	}
}
