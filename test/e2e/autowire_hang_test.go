package e2e

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/node"
)

// TestAutowireHang has the only Envoy of a namespace hang, from the moment at which its endpoint is
// not ready for 3.5 s, and for longer. The debouncer period of 5 s lies between: the traffic stays in the one
// case and leaves the proxy in the other (T52). When the Envoy goes on, it returns.
func TestAutowireHang(t *testing.T) {
	const name, host = "app", "hang.test"
	c := cluster.Connect(t)
	controllersAlive(t, c)
	namespace := c.Namespace(t)
	a := newAsked(t, c, namespace, simple(name, host))
	envoy := c.Pods(t, namespace, proxyPods)[0]
	t.Cleanup(func() { _ = node.Continue(envoy.UID, "envoy") })
	since := cluster.Get(t, c, namespace, name+"-0", &v1alpha1.HTTPScaler{}).Status.Wiring.Since
	a.ask(t)

	hang(t, c, namespace, envoy)
	time.Sleep(3500 * time.Millisecond)
	resume(t, c, namespace, envoy)
	time.Sleep(debounce)
	got := cluster.Get(t, c, namespace, name+"-0", &v1alpha1.HTTPScaler{}).Status.Wiring
	if got.Path != v1alpha1.PathProxy || !got.Since.Equal(&since) {
		t.Errorf("the Envoy was away for less than the debouncer period, and the traffic moved: %+v", got)
	}

	hang(t, c, namespace, envoy)
	unready := time.Now()
	took := leads(t, c, namespace, name+"-0", v1alpha1.PathDirect)
	t.Logf("direct %s after the endpoint was not ready", took.Round(100*time.Millisecond))
	if took < debounce-time.Second || took > safety {
		t.Errorf("the move took %s, want %s to %s", took, debounce, safety)
	}
	time.Sleep(10 * time.Second)
	a.through(t, outagePart, unready, unready.Add(safety), true)

	resume(t, c, namespace, envoy)
	resumed := time.Now()
	leads(t, c, namespace, name+"-0", v1alpha1.PathProxy)
	time.Sleep(3 * time.Second)
	a.through(t, "the return", resumed, resumed, true)
}

// hang stops an Envoy and waits until Kubernetes has noticed.
func hang(t *testing.T, c *cluster.Cluster, namespace string, envoy corev1.Pod) {
	t.Helper()
	if err := node.Stop(envoy.UID, "envoy"); err != nil {
		t.Fatal(err)
	}
	readyProxies(t, c, namespace, 0)
}

// resume has an Envoy go on and waits until Kubernetes has noticed.
func resume(t *testing.T, c *cluster.Cluster, namespace string, envoy corev1.Pod) {
	t.Helper()
	if err := node.Continue(envoy.UID, "envoy"); err != nil {
		t.Fatal(err)
	}
	readyProxies(t, c, namespace, 1)
}

// readyProxies waits until the Service of the proxies has so many ready endpoints.
func readyProxies(t *testing.T, c *cluster.Cluster, namespace string, n int) {
	t.Helper()
	cluster.Eventually(t, time.Minute, func() error {
		slices, err := c.Clients.DiscoveryV1().EndpointSlices(namespace).List(t.Context(), metav1.ListOptions{
			LabelSelector: proxyPods,
		})
		if err != nil {
			return err
		}
		ready := 0
		for _, slice := range slices.Items {
			for _, endpoint := range slice.Endpoints {
				if endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready {
					ready++
				}
			}
		}
		if ready != n {
			return fmt.Errorf("%d proxies are ready, want %d", ready, n)
		}
		return nil
	})
}

// TestAutowireFrozenAPIServer has the API server hang for 25 s. Nothing is known then, so nothing
// moves, also not afterwards, and every request is answered.
func TestAutowireFrozenAPIServer(t *testing.T) {
	const name, host, frozen = "app", "frozen.test", 25 * time.Second
	const apiServer = "kube-apiserver"
	c := cluster.Connect(t)
	controllersAlive(t, c)
	namespace := c.Namespace(t)
	a := newAsked(t, c, namespace, simple(name, host))
	before := cluster.Get(t, c, namespace, name+"-0", &v1alpha1.HTTPScaler{}).Status.Wiring
	a.ask(t)
	begun := time.Now()
	t.Cleanup(func() { _ = node.ContinueComponent(apiServer) })
	if err := node.StopComponent(apiServer); err != nil {
		t.Fatal(err)
	}
	time.Sleep(frozen)
	if err := node.ContinueComponent(apiServer); err != nil {
		t.Fatal(err)
	}
	c.DeploymentReady(t, controllers, controllerName)
	time.Sleep(2 * debounce)
	after := cluster.Get(t, c, namespace, name+"-0", &v1alpha1.HTTPScaler{}).Status.Wiring
	if after.Path != v1alpha1.PathProxy || !after.Since.Equal(&before.Since) {
		t.Errorf("the API server was away, and the traffic moved: %+v", after)
	}
	a.through(t, outagePart, begun, begun, true)
}

// TestAutowireOneOfTwoProxies kills one of two proxies. Kubernetes takes it out; nothing moves.
func TestAutowireOneOfTwoProxies(t *testing.T) {
	const name, host = "app", "one-of-two.test"
	c := cluster.Connect(t)
	controllersAlive(t, c)
	namespace := c.Namespace(t)
	c.Apply(t, namespace, twoProxiesYAML)
	a := newAsked(t, c, namespace, simple(name, host))
	readyProxies(t, c, namespace, 2)
	before := cluster.Get(t, c, namespace, name+"-0", &v1alpha1.HTTPScaler{}).Status.Wiring
	a.ask(t)
	killed := time.Now()
	kill(t, c, namespace, c.Pods(t, namespace, proxyPods)[0].Name)
	readyProxies(t, c, namespace, 2)
	time.Sleep(2 * debounce)
	after := cluster.Get(t, c, namespace, name+"-0", &v1alpha1.HTTPScaler{}).Status.Wiring
	if after.Path != v1alpha1.PathProxy || !after.Since.Equal(&before.Since) {
		t.Errorf("one proxy was left, and the traffic moved: %+v", after)
	}
	a.through(t, outagePart, killed, killed.Add(2*time.Second), true)
}
