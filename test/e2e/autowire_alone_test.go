package e2e

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

// TestAutowireProxiesAlone kills controllers and wiring, so that only Envoys are left and keep the
// configuration that they have. The Pods of an application are replaced twice under traffic: Envoy finds their successors, and at
// most the requests that were under way fail. A request for an application that was quiet is not held
// for longer than the controllers take to be missed.
func TestAutowireProxiesAlone(t *testing.T) {
	const busy, quiet, rate = "busy", "quiet", 20
	c := cluster.Connect(t)
	controllersAlive(t, c)
	namespace := c.Namespace(t)
	a := newAsked(t, c, namespace, simple(busy, busy+".alone.test"))
	q := newAsked(t, c, namespace, simple(quiet, quiet+".alone.test"))
	traffic := steady(t, a.ingress, a.host, rate)
	killAll(t, c, controllers, controllerName, controllerPods)
	killAll(t, c, controllers, wiringName, wiringPods)
	time.Sleep(2 * debounce)

	begun := time.Now()
	answered, err := wait(t.Context(), q.ingress, q.host, "")
	if err == nil {
		err = ok(answered)
	}
	if took := time.Since(begun); err != nil || took > 2*debounce {
		t.Errorf("a request for a quiet application took %s: %v", took, err)
	}

	replaces, lasts := 0, time.Duration(0)
	if *long {
		lasts = 10 * time.Minute
	}
	begun = time.Now()
	for replaces < 2 || time.Since(begun) < lasts {
		replacePods(t, c, namespace, busy, replaces)
		replaces++
	}
	time.Sleep(2 * time.Second)
	total, wrong := traffic.Between(begun, time.Now())
	t.Logf("%d of %d requests failed while the Pods were replaced %d times", wrong, total, replaces)
	if wrong > replaces {
		t.Error(traffic.Report().Examples())
	}
}

// replacePods has a Deployment replace all of its Pods, and waits until it has.
func replacePods(t *testing.T, c *cluster.Cluster, namespace, name string, n int) {
	t.Helper()
	change := fmt.Sprintf(`{"spec": {"template": {"metadata": {"annotations": {"replaced": "%d"}}}}}`, n)
	_, err := c.Clients.AppsV1().Deployments(namespace).Patch(t.Context(), name, types.MergePatchType, []byte(change), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.DeploymentReady(t, namespace, name)
}

// TestAutowireKeepAlive has a client that keeps its connection across a fallback. Its requests stay on the
// direct way after the return, where they are not counted. The application, which may go to zero, does
// not while the traffic leads there, and for one cooldown period after it.
func TestAutowireKeepAlive(t *testing.T) {
	const name, host = "app", "keepalive.test"
	c := cluster.Connect(t)
	controllersAlive(t, c)
	namespace := c.Namespace(t)
	f := foreigners[0]
	f.behind(t, c, namespace, workload{Name: name, Replicas: 1}, host)
	s := simple(name, host)
	s.Min = 0
	f.scale(t, c, namespace, s)
	isWired(t, c, namespace, name+"-0")
	address := wiredService(t, c, namespace, name)
	zeros := dips(t, c, namespace, name)
	got, err := wait(t.Context(), address, host, "")
	if err == nil {
		err = ok(got)
	}
	if err != nil {
		t.Fatal(err)
	}
	proxies := c.Deployment(t, namespace, proxyPods).Name
	killAll(t, c, namespace, proxies, proxyPods)
	leads(t, c, namespace, name+"-0", v1alpha1.PathDirect)
	before := zeros()
	traffic := load.Start(t,
		load.Options{Address: address, Workers: 1, Pause: 100 * time.Millisecond, Requests: []load.Request{{Host: host, Path: "/"}}})
	time.Sleep(20 * time.Second) // longer than cooldown and polling
	if wanted, _ := c.Replicas(t, namespace, name); wanted == 0 || zeros() != before {
		t.Errorf("the application was scaled to zero under direct traffic: %d replicas", wanted)
	}
	patch(t, c, namespace, proxies, `{"spec": {"replicas": 1}}`)
	leads(t, c, namespace, name+"-0", v1alpha1.PathProxy)
	report := traffic.Stop()
	t.Log(report)
	if report.Wrong > 0 {
		t.Error(report.Examples())
	}
	if zeros() != before {
		t.Error("the application was scaled to zero under direct traffic")
	}
}
