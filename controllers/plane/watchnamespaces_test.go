package plane_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/scope"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// confined is the API server for controllers with roles in the watched namespaces alone. A call about another one, or about all, fails the
// test: of the kinds that the controllers read and write past their cache, those of ofCluster alone have no namespace.
func (c *cluster) confined() client.Client {
	watched := scope.Of(installation, c.watch)
	check := func(call string, object runtime.Object, namespace string) error {
		if ofCluster(object) || namespace != "" && watched.Has(namespace) {
			return nil
		}
		c.t.Errorf("%s of %T in the namespace %q", call, object, namespace)
		return fmt.Errorf("forbidden: %s in %q", call, namespace)
	}
	return interceptor.NewClient(c.api.Client, interceptor.Funcs{
		Get: func(ctx context.Context, api client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if err := check("Get", object, key.Namespace); err != nil {
				return err
			}
			return api.Get(ctx, key, object, options...)
		},
		List: func(ctx context.Context, api client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			var of client.ListOptions
			if err := check("List", list, of.ApplyOptions(options).Namespace); err != nil {
				return err
			}
			return api.List(ctx, list, options...)
		},
		Delete: func(ctx context.Context, api client.WithWatch, object client.Object, options ...client.DeleteOption) error {
			if err := check("Delete", object, object.GetNamespace()); err != nil {
				return err
			}
			return api.Delete(ctx, object, options...)
		},
		Patch: func(ctx context.Context, api client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			if err := check("Patch", object, object.GetNamespace()); err != nil {
				return err
			}
			return api.Patch(ctx, object, patch, options...)
		},
		Apply: func(ctx context.Context, api client.WithWatch, applied runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			object := applied.(interface {
				client.Object
				runtime.Unstructured
			})
			if err := check("Apply", object, object.GetNamespace()); err != nil {
				return err
			}
			return api.Apply(ctx, applied, options...)
		},
		SubResourceUpdate: func(
			ctx context.Context, api client.Client, name string, object client.Object, options ...client.SubResourceUpdateOption,
		) error {
			if err := check("Update of "+name, object, object.GetNamespace()); err != nil {
				return err
			}
			return api.SubResource(name).Update(ctx, object, options...)
		},
		SubResourcePatch: func(
			ctx context.Context, api client.Client, name string, object client.Object, patch client.Patch,
			options ...client.SubResourcePatchOption,
		) error {
			if err := check("Patch of "+name, object, object.GetNamespace()); err != nil {
				return err
			}
			return api.SubResource(name).Patch(ctx, object, patch, options...)
		},
	})
}

func ofCluster(object runtime.Object) bool {
	switch object.(type) {
	case *gwv1.GatewayClass, *admissionregistrationv1.MutatingWebhookConfiguration, *admissionregistrationv1.ValidatingWebhookConfiguration:
		return true
	}
	return false
}

const elsewhereYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: elsewhere, name: gw}
spec:
  gatewayClassName: kedify
  listeners: [{name: http, port: 80, protocol: HTTP}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {namespace: elsewhere, name: r}
spec:
  parentRefs: [{name: gw, namespace: infra}]
  hostnames: [elsewhere.example.com]
  rules: [{backendRefs: [{name: a, port: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {namespace: elsewhere, name: a}
spec: {ports: [{name: web, port: 80}]}
---
apiVersion: v1
kind: Secret
metadata: {namespace: elsewhere, name: cert}
type: kubernetes.io/tls
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {namespace: elsewhere, name: all}
spec:
  from:
  - {group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: apps}
  - {group: gateway.networking.k8s.io, kind: Gateway, namespace: infra}
  to: [{group: "", kind: Service}, {group: "", kind: Secret}, {group: "", kind: ConfigMap}]
`

// referringYAML is a Gateway whose references lead to a namespace that is not watched.
const referringYAML = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: infra, name: referring}
spec:
  gatewayClassName: kedify
  tls: {frontend: {default: {validation: {caCertificateRefs: [{group: "", kind: ConfigMap, namespace: elsewhere, name: ca}]}}}}
  listeners:
  - {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{namespace: elsewhere, name: cert}]}}`

// TestWatchNamespaces: a replica that watches some namespaces reads and writes nothing in others. Objects there change nothing and get no
// status, and a reference to one says that its namespace is not watched, granted or not.
func TestWatchNamespaces(t *testing.T) {
	c := newCluster(t, gatewayYAML, serviceYAML("a", "10.0.0.1"), routeYAML("r", "a.example.com", toA),
		elsewhereYAML, scaledObjectYAML, referringYAML,
		routeYAML("out", "out.example.com", "  - {backendRefs: [{name: a, namespace: elsewhere, port: 80}]}"))
	c.watch = []string{"apps", "infra"}
	proxy := c.leader("127.0.0.1").proxy(gatewayKey, deltatest.Options{})
	c.Eventually(version(proxy, resource.Route, hostTable)).ShouldNot(BeEmpty())
	c.Eventually(version(proxy, resource.Route, "80/out.example.com")).ShouldNot(BeEmpty(), "it answers 500")

	const unwatched = "%s elsewhere/%s is in namespace elsewhere, which this installation does not watch (--watch-namespaces)"
	said := func(object client.Object, condition, kind, name string) {
		t.Helper()
		c.Eventually(func() string {
			if found := c.find(object, condition); found != nil {
				return found.Message
			}
			return ""
		}).Should(ContainSubstring(unwatched, kind, name))
	}
	said(routeNamed("out"), "ResolvedRefs", "Service", "a")
	referring := gatewayNamed(types.NamespacedName{Namespace: "infra", Name: "referring"})
	for kind, name := range map[string]string{"Secret": "cert", "ConfigMap": "ca"} {
		c.Eventually(func() string { return c.messages(referring) }).Should(ContainSubstring(unwatched, kind, name))
	}
	trigger := &v1alpha1.HTTPScaler{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "web-0"}}
	c.Eventually(c.condition(trigger, "Accepted")).Should(HavePrefix("True/"))

	before := version(proxy, resource.Endpoint, endpointsA)()
	c.set(strings.Replace(elsewhereYAML, "elsewhere.example.com", "changed.example.com", 1))
	c.set(serviceYAML("a", "10.0.0.2")) // what is watched is seen after it
	c.Eventually(version(proxy, resource.Endpoint, endpointsA)).ShouldNot(Equal(before))
	for _, host := range []string{"elsewhere.example.com", "changed.example.com"} {
		c.Expect(version(proxy, resource.Route, "80/"+host)()).To(BeEmpty())
	}
	there := gatewayNamed(types.NamespacedName{Namespace: "elsewhere", Name: "gw"})
	c.Expect(c.find(there, "Accepted")).To(BeNil(), "a status")
	c.Expect(c.client.Get(t.Context(), client.ObjectKey{Namespace: "elsewhere", Name: "gw-kedify"}, &corev1.Service{})).NotTo(Succeed())
}

// messages are those of all conditions of a Gateway and of its listeners.
func (c *cluster) messages(gateway *gwv1.Gateway) string {
	if err := c.client.Get(c.t.Context(), client.ObjectKeyFromObject(gateway), gateway); err != nil {
		return err.Error()
	}
	var all []string
	for _, condition := range gateway.Status.Conditions {
		all = append(all, condition.Message)
	}
	for _, listener := range gateway.Status.Listeners {
		for _, condition := range listener.Conditions {
			all = append(all, condition.Message)
		}
	}
	return strings.Join(all, "\n")
}

// TestNamespaceOpensWhole: a replica that starts while one kind of a namespace may not be listed serves the other namespaces and nothing of
// that one, which it serves as a whole when the kind may be listed. Nothing that belongs to its triggers is deleted meanwhile.
func TestNamespaceOpensWhole(t *testing.T) {
	for _, kind := range []string{"BackendTLSPolicy", "ScaledObject"} {
		t.Run(kind, func(t *testing.T) {
			c := newCluster(t, gatewayYAML, serviceYAML("a", "10.0.0.1"), routeYAML("r", "a.example.com", toA), scaledObjectYAML,
				elsewhereYAML)
			c.watch = []string{"apps", "infra", "elsewhere"}
			trigger := &v1alpha1.HTTPScaler{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "web-0"}}
			before := c.leader("127.0.0.1")
			c.Eventually(c.condition(trigger, "Accepted")).Should(HavePrefix("True/"))
			uid := trigger.UID
			before.stop()

			c.api.Forbid("apps", kind, true)
			replica := c.leader("127.0.0.2")
			proxy := replica.proxy(gatewayKey, deltatest.Options{})
			c.Eventually(version(proxy, resource.Route, "80/elsewhere.example.com")).ShouldNot(BeEmpty())
			c.set(strings.Replace(elsewhereYAML, "elsewhere.example.com", "changed.example.com", 1))
			c.Eventually(version(proxy, resource.Route, "80/changed.example.com")).ShouldNot(BeEmpty())
			c.Expect(version(proxy, resource.Route, hostTable)()).To(BeEmpty())

			c.api.Forbid("apps", kind, false)
			c.Eventually(version(proxy, resource.Route, hostTable)).ShouldNot(BeEmpty())
			c.set(strings.Replace(scaledObjectYAML, `"10"`, `"11"`, 1))
			c.Eventually(func() int64 {
				c.find(trigger, "Accepted")
				return trigger.Generation
			}).Should(BeNumerically(">", 1))
			c.Expect(trigger.UID).To(Equal(uid), "the trigger was made anew")
		})
	}
}
