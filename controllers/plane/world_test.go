package plane_test

import (
	"fmt"
	"strings"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
	gwxv1 "sigs.k8s.io/gateway-api/apisx/v1alpha1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

var gatewayKey = types.NamespacedName{Namespace: "infra", Name: "gw"}

var classYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: ` + v1alpha1.GatewayClassName + `}
spec: {controllerName: ` + v1alpha1.ControllerName + `}
`

const gatewayYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: infra, name: gw}
spec:
  gatewayClassName: kedify
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
`

func serviceYAML(name string, ips ...string) string {
	endpoints := make([]string, 0, len(ips))
	for _, ip := range ips {
		endpoints = append(endpoints, fmt.Sprintf("{addresses: [%s], conditions: {ready: true}}", ip))
	}
	return fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {namespace: apps, name: %[1]s}
spec: {ports: [{name: web, port: 80, targetPort: 3000}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: apps, name: %[1]s-a, labels: {kubernetes.io/service-name: %[1]s}}
addressType: IPv4
ports: [{name: web, port: 3000}]
endpoints: [%[2]s]
`, name, strings.Join(endpoints, ", "))
}

func routeYAML(name, host, rules string) string {
	return fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {namespace: apps, name: %s}
spec:
  parentRefs: [{name: gw, namespace: infra}]
  hostnames: [%q]
  rules:
%s`, name, host, rules)
}

// create writes objects, those of classYAML included.
func (c *cluster) create(texts ...string) {
	c.t.Helper()
	for _, text := range append([]string{classYAML}, texts...) {
		c.set(text)
	}
}

// set writes objects as kubectl apply does with files.
func (c *cluster) set(text string) {
	c.t.Helper()
	decoder := serializer.NewCodecFactory(c.api.Scheme).UniversalDeserializer()
	for _, document := range strings.Split(text, "\n---\n") {
		object, _, err := decoder.Decode([]byte(document), nil, nil)
		c.Expect(err).NotTo(HaveOccurred())
		c.write(object.(client.Object))
	}
}

// write creates an object or replaces all of it but its status.
func (c *cluster) write(object client.Object) {
	c.t.Helper()
	c.Expect(retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		desired := object.DeepCopyObject().(client.Object)
		live := object.DeepCopyObject().(client.Object)
		err := c.client.Get(c.t.Context(), client.ObjectKeyFromObject(object), live)
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		if err != nil {
			return c.client.Create(c.t.Context(), desired)
		}
		desired.SetResourceVersion(live.GetResourceVersion())
		return c.client.Update(c.t.Context(), desired)
	})).To(Succeed())
}

// address waits for the Service of the Envoys of a Gateway, and gives it an address as the load
// balancer of a cluster does.
func (c *cluster) address(gateway types.NamespacedName) {
	c.t.Helper()
	service := &corev1.Service{}
	c.Eventually(func() error {
		key := client.ObjectKey{Namespace: gateway.Namespace, Name: gateway.Name + "-kedify"}
		if err := c.client.Get(c.t.Context(), key, service); err != nil {
			return err
		}
		service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
		return c.client.Status().Update(c.t.Context(), service)
	}).Should(Succeed(), "the Service of the Envoys of %s", gateway)
}

// condition returns a function that reads a condition: "status/reason", or "absent".
func (c *cluster) condition(object client.Object, kind string) func() string {
	return func() string {
		found := c.find(object, kind)
		if found == nil {
			return "absent"
		}
		return string(found.Status) + "/" + found.Reason
	}
}

func (c *cluster) find(object client.Object, kind string) *metav1.Condition {
	if err := c.client.Get(c.t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		return nil
	}
	var all []metav1.Condition
	switch object := object.(type) {
	case *gwv1.Gateway:
		all = object.Status.Conditions
	case *v1alpha1.HTTPScaler:
		all = object.Status.Conditions
	case *gwv1.BackendTLSPolicy:
		for _, ancestor := range object.Status.Ancestors {
			all = append(all, ancestor.Conditions...)
		}
	case *gwxv1.XBackend:
		for _, ancestor := range object.Status.Ancestors {
			all = append(all, ancestor.Conditions...)
		}
	case *gwxv1.XTelemetryPolicy:
		for _, ancestor := range object.Status.Ancestors {
			all = append(all, ancestor.Conditions...)
		}
	case *gwxv1.XBackendTrafficPolicy:
		for _, ancestor := range object.Status.Ancestors {
			all = append(all, ancestor.Conditions...)
		}
	case *gwv1.HTTPRoute:
		for _, parent := range object.Status.Parents {
			all = append(all, parent.Conditions...)
		}
	}
	for i := range all {
		if all[i].Type == kind {
			return &all[i]
		}
	}
	return nil
}

func gatewayNamed(key types.NamespacedName) *gwv1.Gateway {
	return &gwv1.Gateway{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
}

func routeNamed(name string) *gwv1.HTTPRoute {
	return &gwv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: name}}
}
