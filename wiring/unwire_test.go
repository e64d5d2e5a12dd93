package wiring_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/wiring"
	"github.com/kedify/inference-gateway/wiring/foreign"
)

const wiredYAML = `
apiVersion: v1
kind: Service
metadata:
  namespace: shop
  name: web-kedify
  labels: {app.kubernetes.io/managed-by: kedify-gateway}
  annotations: {gateway.kedify.io/wires: web}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  namespace: shop
  name: web-kedify-direct
  labels:
    app.kubernetes.io/managed-by: kedify-gateway
    endpointslice.kubernetes.io/managed-by: kedify-gateway
    kubernetes.io/service-name: web-kedify
addressType: IPv4
ports: []
endpoints: []
---
apiVersion: gateway.kedify.io/v1alpha1
kind: HTTPScaler
metadata: {namespace: shop, name: web-0}
spec: {type: kedify-http, scaledObject: web, trigger: "0"}
`

// unwiring unwires a cluster; out is what it said.
func (c *cluster) unwiring(change func(*wiring.Unwiring)) (out string, err error) {
	c.t.Helper()
	var said strings.Builder
	u := &wiring.Unwiring{
		Client: c.client, Mapper: c.api.Mapper(), Clock: clock.RealClock{}, Log: logr.Discard(), Out: &said,
		Follow: time.Millisecond, Timeout: 10 * time.Millisecond,
	}
	if change != nil {
		change(u)
	}
	err = u.Run(c.t.Context())
	return said.String(), err
}

// rewire has an object lead to web-kedify instead of web, as the process does.
func (c *cluster) rewire(kind, name string) {
	c.t.Helper()
	object := c.untyped(kind, name)
	operations := foreign.Rewrite(object, func(foreign.Reference) string { return "web-kedify" })
	c.Expect(operations).NotTo(BeEmpty())
	c.patch(object, operations)
}

// TestT47UnwireRestores: with nothing else running, every object becomes what it was, in all of its
// spec and without the product among its field owners, and what was made for it goes.
func TestT47UnwireRestores(t *testing.T) {
	t.Parallel()
	c := newCluster(t, webYAML, ingressYAML, routeYAML, wiredYAML)
	before := map[string]any{"Ingress": c.untyped("Ingress", "web").Object["spec"], "HTTPRoute": c.untyped("HTTPRoute", "web").Object["spec"]}
	for kind := range before {
		c.rewire(kind, "web")
		c.Expect(c.untyped(kind, "web").Object["spec"]).NotTo(Equal(before[kind]))
	}
	c.setWiring("web-0", v1alpha1.PathProxy)

	out, err := c.unwiring(nil)
	c.Expect(err).NotTo(HaveOccurred(), out)
	for kind, spec := range before {
		object := c.untyped(kind, "web")
		c.Expect(reflect.DeepEqual(object.Object["spec"], spec)).To(BeTrue(), "%v", object.Object["spec"])
		c.Expect(object.GetAnnotations()).NotTo(HaveKey(v1alpha1.OriginalBackendsAnnotation))
		for _, entry := range object.GetManagedFields() {
			c.Expect(entry.Manager).NotTo(Equal("kedify-gateway-wiring"))
		}
		c.Expect(out).To(ContainSubstring("Restored " + kind + " shop/web"))
	}
	c.Expect(c.absent(&corev1.Service{}, "web-kedify")).To(BeTrue())
	c.Expect(c.absent(&discoveryv1.EndpointSlice{}, "web-kedify-direct")).To(BeTrue())
	c.Expect(c.absent(&corev1.Service{}, "web")).To(BeFalse())
	scaler := c.scaler("web-0")
	c.Expect(scaler.Status.Wiring).To(BeNil())
	c.Expect(scaler.Status.Conditions).To(HaveLen(1), "the conditions of others stay")

	out, err = c.unwiring(nil)
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(out).To(BeEmpty(), "a second time there is nothing to do")
}

// TestUnwireLeavesWhatIsUsed: a wired Service that a user wrote into an object stays, and the exit says so.
func TestUnwireLeavesWhatIsUsed(t *testing.T) {
	t.Parallel()
	c := newCluster(t, webYAML, strings.ReplaceAll(ingressYAML, "name: web, port", "name: web-kedify, port"), wiredYAML)
	before := c.untyped("Ingress", "web")
	out, err := c.unwiring(nil)
	c.Expect(errors.Is(err, wiring.ErrLeft)).To(BeTrue(), "%v", err)
	c.Expect(out).To(ContainSubstring("Left: Service shop/web-kedify: Ingress shop/web leads to it"))
	c.Expect(c.absent(&corev1.Service{}, "web-kedify")).To(BeFalse())
	c.Expect(c.untyped("Ingress", "web").Object).To(Equal(before.Object))
}

// TestUnwireOneNamespace: the objects of other namespaces stay wired.
func TestUnwireOneNamespace(t *testing.T) {
	t.Parallel()
	c := newCluster(t, webYAML, ingressYAML, wiredYAML)
	c.rewire("Ingress", "web")
	out, err := c.unwiring(func(u *wiring.Unwiring) { u.Namespace = "other" })
	c.Expect(err).NotTo(HaveOccurred())
	c.Expect(out).To(BeEmpty())
	c.Expect(c.untyped("Ingress", "web").GetAnnotations()).To(HaveKey(v1alpha1.OriginalBackendsAnnotation))
	c.Expect(c.absent(&corev1.Service{}, "web-kedify")).To(BeFalse())
}

// TestUnwireStopsTheWiring: the process would wire again what is restored, so its Deployment goes to zero first.
func TestUnwireStopsTheWiring(t *testing.T) {
	t.Parallel()
	c := newCluster(t, webYAML, ingressYAML, wiredYAML)
	c.rewire("Ingress", "web")
	stopped := &stoppable{spec: 2, status: 2}
	out, err := c.unwiring(func(u *wiring.Unwiring) {
		u.Stop, u.Scales, u.Timeout = types.NamespacedName{Namespace: "kedify-system", Name: "kedify-gateway-wiring"}, stopped, time.Minute
	})
	c.Expect(err).NotTo(HaveOccurred(), out)
	c.Expect(strings.Index(out, "Stopped Deployment kedify-system/kedify-gateway-wiring")).To(Equal(0), out)
	c.Expect(stopped.spec).To(BeZero())

	gone := &stoppable{gone: true}
	_, err = c.unwiring(func(u *wiring.Unwiring) { u.Stop, u.Scales = types.NamespacedName{Namespace: "a", Name: "b"}, gone })
	c.Expect(err).NotTo(HaveOccurred(), "a Deployment that is gone is stopped")
}

// stoppable is the scale of a Deployment whose Pods end one at a time.
type stoppable struct {
	spec, status int32
	gone         bool
}

func (s *stoppable) Get(_ context.Context, _ string, target v1alpha1.HTTPScalerTarget) (*autoscalingv1.Scale, error) {
	if s.gone {
		return nil, apierrors.NewNotFound(corev1.Resource("deployments"), target.Name)
	}
	if s.spec < s.status {
		s.status--
	}
	return &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: s.spec}, Status: autoscalingv1.ScaleStatus{Replicas: s.status}}, nil
}

func (s *stoppable) Update(_ context.Context, _ string, _ v1alpha1.HTTPScalerTarget, scale *autoscalingv1.Scale) error {
	s.spec = scale.Spec.Replicas
	return nil
}

// absent reports whether an object of namespace shop is gone.
func (c *cluster) absent(object client.Object, name string) bool {
	c.t.Helper()
	err := c.client.Get(c.t.Context(), client.ObjectKey{Namespace: "shop", Name: name}, object)
	c.Expect(client.IgnoreNotFound(err)).NotTo(HaveOccurred())
	return err != nil
}
