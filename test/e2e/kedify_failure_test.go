package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

// KEDA's namespace and operator.
const (
	kedaNamespace = "keda"
	kedaOperator  = "keda-operator"
)

// TestKedifyHTTPControllerKilled kills by force each controller that holds requests of an
// application that is on its way. All of them are answered by the application.
func TestKedifyHTTPControllerKilled(t *testing.T) {
	const host, requests = "slow.test", 50
	c := cluster.Connect(t)
	c.DeploymentReady(t, controllers, controllerName)
	namespace := c.Namespace(t)
	address := deploy(t, c, namespace, workload{Name: "slow", Delay: 12}, scaled{Host: host, Max: 1, Metric: "requestRate", Target: 1000})
	all := gather(t, requests, address, host, func(n int) string { return fmt.Sprintf("n=%d", n) })
	for round := range 2 {
		var pod string
		cluster.Eventually(t, 10*time.Second, func() error {
			sum := 0
			for name, n := range heldBy(t, c, namespace, "slow-0") {
				if sum += n; n > 0 {
					pod = name
				}
			}
			if sum != requests {
				return fmt.Errorf("%d held, want %d", sum, requests)
			}
			return nil
		})
		kill(t, c, controllers, pod)
		t.Logf("kill %d: %s", round+1, pod)
		c.DeploymentReady(t, controllers, controllerName)
		if _, ready := c.Replicas(t, namespace, "slow"); ready > 0 {
			break
		}
	}
	all.done(t, ok)
}

// TestKedifyHTTPOperatorRestart kills KEDA's operator while requests are held for an application
// that takes its time, longer than the cooldown. It is not scaled to zero in the meantime.
func TestKedifyHTTPOperatorRestart(t *testing.T) {
	const host, requests = "slow.test", 20
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	address := deploy(t, c, namespace, workload{Name: "slow", Delay: 25}, scaled{Host: host, Max: 1, Metric: "requestRate", Target: 1000})
	all := gather(t, requests, address, host, nil)
	cluster.Eventually(t, 10*time.Second, func() error {
		if wanted, _ := c.Replicas(t, namespace, "slow"); wanted != 1 {
			return fmt.Errorf("%d replicas wanted", wanted)
		}
		return nil
	})
	backToZero := dips(t, c, namespace, "slow")
	for _, pod := range c.Pods(t, kedaNamespace, "app="+kedaOperator) {
		kill(t, c, kedaNamespace, pod.Name)
	}
	all.done(t, cold)
	if n := backToZero(); n > 0 {
		t.Errorf("the replicas went to zero %d times while requests were held", n)
	}
	c.DeploymentReady(t, kedaNamespace, kedaOperator)
	c.ScaledObjectReady(t, namespace, "slow")
}

// dips watches a Deployment and returns a function that says how often it was at zero.
func dips(t *testing.T, c *cluster.Cluster, namespace, name string) func() int64 {
	t.Helper()
	watcher, err := c.Clients.AppsV1().Deployments(namespace).Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(watcher.Stop)
	var zeros atomic.Int64
	var ended atomic.Bool
	go func() {
		for event := range watcher.ResultChan() {
			if d, is := event.Object.(*appsv1.Deployment); is && *d.Spec.Replicas == 0 {
				zeros.Add(1)
			}
		}
		ended.Store(true)
	}()
	return func() int64 {
		t.Helper()
		if ended.Load() {
			t.Errorf("the watch of Deployment %s ended early: replicas at zero would not have been seen", name)
		}
		return zeros.Load()
	}
}

// kill deletes a pod by force.
func kill(t *testing.T, c *cluster.Cluster, namespace, pod string) {
	t.Helper()
	now := int64(0)
	if err := c.Clients.CoreV1().Pods(namespace).Delete(t.Context(), pod, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		t.Fatal(err)
	}
}

// patch changes a Deployment by a merge patch.
func patch(t *testing.T, c *cluster.Cluster, namespace, name, text string) {
	t.Helper()
	_, err := c.Clients.AppsV1().Deployments(namespace).Patch(t.Context(), name, types.MergePatchType, []byte(text), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// TestKedifyHTTPBadReferences adds triggers whose Service or ConfigMap does not exist, under
// traffic of a good one. Each gets a condition and an event that name what is missing; the
// good one is not disturbed.
func TestKedifyHTTPBadReferences(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	address := deploy(t, c, namespace, workload{Name: "good", Replicas: 1},
		scaled{Host: "good.test", Min: 1, Max: 1, Metric: "requestRate", Target: 1000})
	c.DeploymentReady(t, namespace, "good")
	probe(t, address, "good.test", "/")
	traffic := load.Start(t,
		load.Options{Address: address, Workers: 4, Pause: 5 * time.Millisecond, Requests: []load.Request{{Host: "good.test", Path: "/"}}})

	t.Run("Service", func(t *testing.T) {
		deployment, _, _ := strings.Cut(render(t, workloadYAML, workload{Name: "lost"}), "\n---\n")
		c.Apply(t, namespace, deployment)
		c.Apply(t, namespace, render(t, scaledYAML, scaled{Name: "lost", Host: "lost.test", Max: 1, Metric: "requestRate", Target: 1000}))
		c.ScalerHas(t, namespace, "lost-0", cluster.Accepted, invalid("BackendNotFound"))
		c.EventAbout(t, namespace, "ScaledObject", "lost", "Service "+namespace+"/lost does not exist")
		cluster.Eventually(t, 20*time.Second, func() error {
			got, err := ask(address, "lost.test", "/", "")
			if err == nil && got.status < 500 {
				err = fmt.Errorf("%d: %.100s", got.status, got.body)
			}
			return err
		})
	})
	t.Run("ConfigMap", func(t *testing.T) {
		c.Apply(t, namespace, render(t, workloadYAML, workload{Name: "page"}))
		c.Apply(t, namespace, render(t, scaledYAML, scaled{
			Name: "page", Host: "page.test", Max: 1, Metric: "requestRate", Target: 1000,
			More: []string{`coldStartWaitingPageEnabled: "true"`, "coldStartWaitingPageConfigMapRef: nothing"},
		}))
		c.ScalerHas(t, namespace, "page-0", cluster.Accepted, invalid("ConfigMapNotFound"))
		c.EventAbout(t, namespace, "ScaledObject", "page", "ConfigMap "+namespace+"/nothing does not exist")
		probe(t, address, "page.test", "/alive")
		got, err := ask(address, "page.test", "/", "", browser...)
		if err != nil || got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
			t.Errorf("the page of the install: %v %+v", err, got)
		}
	})
	t.Run("NoOther", func(t *testing.T) { traffic.MustBeClean(t, 500) })
}
