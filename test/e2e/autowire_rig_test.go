package e2e

import (
	"fmt"
	"net"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

const (
	wiringName = "kedify-gateway-wiring" // the Deployment, its field owner and its lease
	wiringPods = "app.kubernetes.io/name=kedify-gateway,app.kubernetes.io/component=wiring"

	// proxyPods are those of the Gateway that the first ScaledObject of a namespace brings along.
	proxyPods = "gateway.networking.k8s.io/gateway-name=" + proxyName

	// wired is how soon a foreign object leads to the proxies (T40).
	wired = 10 * time.Second
	// debounce and recovery are the chart's.
	debounce, recovery = 5 * time.Second, 30 * time.Second
)

// rewired is what an HTTPScaler says once foreign objects lead to its proxies.
var rewired = cluster.Condition{Type: "Rewired", Status: metav1.ConditionTrue}

// behind deploys an application, then an object that leads to it, and waits until it serves. The
// product is not asked for anything yet. It returns the address of the program that serves the object.
func (f foreign) behind(t testing.TB, c *cluster.Cluster, namespace string, w workload, host string) (address string) {
	t.Helper()
	c.Apply(t, namespace, render(t, workloadYAML, w))
	address = f.lead(t, c, namespace, w.Name, host)
	c.DeploymentReady(t, namespace, w.Name)
	probe(t, address, host, "/")
	return address
}

// scale applies the ScaledObject of an application behind an object of the kind, which is all that a
// user does.
func (f foreign) scale(t testing.TB, c *cluster.Cluster, namespace string, s scaled) {
	t.Helper()
	s.More = append(s.More, "trafficAutowire: "+f.kind)
	c.Apply(t, namespace, render(t, scaledYAML, s))
}

// get reads an object of the kind.
func (f foreign) get(t testing.TB, c *cluster.Cluster, namespace, name string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	object.SetAPIVersion(f.apiVersion)
	object.SetKind(f.object)
	return cluster.Get(t, c, namespace, name, object)
}

// hostIn is a host of this run alone: a foreign program prefers the older of two objects with a host, such as the
// one of a run before whose namespace is still going.
func hostIn(namespace, name string) string { return name + "." + namespace + ".test" }

// simple is a ScaledObject whose application always keeps one replica.
func simple(name, host string) scaled {
	return scaled{Name: name, Host: host, Min: 1, Max: 2, Metric: "requestRate", Target: 100000}
}

// isWired waits until the requests of a trigger come through the proxies and wiring says so.
func isWired(t testing.TB, c *cluster.Cluster, namespace, scaler string) *v1alpha1.HTTPScaler {
	t.Helper()
	c.ScalerHas(t, namespace, scaler, cluster.Accepted, cluster.ResolvedRefs, rewired)
	leads(t, c, namespace, scaler, v1alpha1.PathProxy)
	return cluster.Get(t, c, namespace, scaler, &v1alpha1.HTTPScaler{})
}

// leads waits until the wired Services of a trigger lead a way, and returns how long that took.
func leads(t testing.TB, c *cluster.Cluster, namespace, scaler string, path v1alpha1.WiringPath) time.Duration {
	t.Helper()
	limit := debounce + 25*time.Second
	if path == v1alpha1.PathProxy {
		limit = recovery + time.Minute
	}
	begun := time.Now()
	cluster.Eventually(t, limit, func() error {
		got := &v1alpha1.HTTPScaler{}
		if err := c.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: scaler}, got); err != nil {
			return err
		}
		if got.Status.Wiring == nil || got.Status.Wiring.Path != path {
			return fmt.Errorf("HTTPScaler %s/%s has wiring %+v, want path %s", namespace, scaler, got.Status.Wiring, path)
		}
		return nil
	})
	return time.Since(begun)
}

// wiredService is the Service that stands for an application's, with its address inside the cluster.
func wiredService(t testing.TB, c *cluster.Cluster, namespace, name string) (address string) {
	t.Helper()
	cluster.Eventually(t, time.Minute, func() error {
		service := &corev1.Service{}
		if err := c.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name + "-kedify"}, service); err != nil {
			return err
		}
		address = net.JoinHostPort(service.Spec.ClusterIP, "80")
		return nil
	})
	return address
}

// steady is traffic of one host at a rate, from clients that wait as long as a cold start takes.
func steady(t testing.TB, address, host string, rate float64) *load.Run {
	return load.Arrive(t, load.Arrivals{Address: address, Rate: rate, Patience: time.Minute, Request: func(int) load.Request {
		return load.Request{Host: host, Path: "/"}
	}})
}
