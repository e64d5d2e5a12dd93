package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

const (
	controllerPods = "app.kubernetes.io/name=kedify-gateway,app.kubernetes.io/component=controller"
	controllerName = "kedify-gateway" // the Deployment and the leader's lease
)

// TestTwoControllers kills the leading controller by force while a route is edited under
// traffic. Requests do not notice; edits keep reaching Envoy, through the other replica; and
// once that one leads, statuses follow again.
func TestTwoControllers(t *testing.T) {
	c := cluster.Connect(t)
	c.DeploymentReady(t, controllers, controllerName)
	if pods := c.Pods(t, controllers, controllerPods); len(pods) < 2 {
		t.Fatalf("%d controllers, the chart promises two", len(pods))
	}
	namespace := c.Namespace(t)
	c.Apply(t, namespace, gatewayYAML)
	c.Apply(t, namespace, render(t, echoYAML, echo{Name: "a", Replicas: 1}))
	c.DeploymentsReady(t, namespace)
	address := c.GatewayReady(t, namespace, "web")
	route := newEdited(namespace)
	for i := range route.rules {
		route.rules[i].backends, route.rules[i].weights = []string{"a"}, []int32{1}
	}
	if err := c.Create(t.Context(), route.object()); err != nil {
		t.Fatal(err)
	}
	probe(t, address, "edit.example.com", "/")
	traffic := load.Start(t, load.Options{
		Address: address + ":80", Workers: 4, Pause: 2 * time.Millisecond,
		Requests: []load.Request{{Host: "edit.example.com", Path: "/"}, {Host: "edit.example.com", Path: "/one"}},
	})
	edit := func(n int) {
		live := &gwv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: route.name}}
		route.number = n
		cluster.Edit(t, c, live, func(r *gwv1.HTTPRoute) { r.Spec = route.object().Spec })
	}
	arrives := func(n int) {
		t.Helper()
		begun := time.Now()
		cluster.Eventually(t, 30*time.Second, func() error {
			got, err := ask(address, "edit.example.com", "/", "")
			if want := fmt.Sprint(n); err == nil && got.header.Get("x-edit") != want {
				err = fmt.Errorf("edit %q in the traffic, want %s", got.header.Get("x-edit"), want)
			}
			return err
		})
		t.Logf("edit %d was in the traffic after %s", n, time.Since(begun).Round(time.Millisecond))
	}
	edit(1)
	arrives(1)

	old := leader(t, c)
	now := int64(0)
	if err := c.Clients.CoreV1().Pods(controllers).Delete(t.Context(), old, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		t.Fatal(err)
	}
	edit(2)
	arrives(2)
	killed := time.Now()
	cluster.Eventually(t, time.Minute, func() error {
		if name := leader(t, c); name == old {
			return fmt.Errorf("%s still holds the lease", name)
		}
		return nil
	})
	edit(3)
	arrives(3)
	c.RouteHas(t, namespace, route.name, cluster.Accepted, cluster.ResolvedRefs)
	t.Logf("a new leader writes statuses %s after the kill", time.Since(killed).Round(time.Millisecond))
	c.DeploymentReady(t, controllers, controllerName)
	traffic.MustBeClean(t, 500)
}

// leader is the name of the pod that holds the lease.
func leader(t *testing.T, c *cluster.Cluster) string {
	t.Helper()
	lease, err := c.Clients.CoordinationV1().Leases(controllers).Get(t.Context(), controllerName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	holder := *lease.Spec.HolderIdentity
	pods := c.Pods(t, controllers, controllerPods)
	i := slices.IndexFunc(pods, func(p corev1.Pod) bool { return len(holder) >= len(p.Name) && holder[:len(p.Name)] == p.Name })
	if i < 0 {
		return holder // a pod that is gone
	}
	return pods[i].Name
}
