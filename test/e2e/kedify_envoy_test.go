package e2e

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/dump"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

// exampleOwnEnvoy: an Envoy that the product did not make says what the application is scaled by
// (T70): the requests of one of its clusters, no more and no less. Another cluster is ignored,
// and zero is refused.
func exampleOwnEnvoy(t *testing.T) {
	const namespace, host, asked = "own-envoy", "shop.example.com", "shop_public"
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", namespace))
	object := c.ScaledObjectReady(t, namespace, "shop")
	c.ScalerHas(t, namespace, "shop-0", cluster.Accepted)
	c.DeploymentsReady(t, namespace)
	address := net.JoinHostPort(cluster.Get(t, c, namespace, "envoy", &corev1.Service{}).Spec.ClusterIP, "80")
	probe(t, address, host, "/internal") // which does not count
	others := load.Arrive(t, load.Arrivals{Address: address, Rate: 5, Request: func(int) load.Request {
		return load.Request{Host: host, Path: "/internal"}
	}})
	traffic := load.Arrive(t, load.Arrivals{Address: address, Rate: 25, Request: func(int) load.Request {
		return load.Request{Host: host, Path: "/"}
	}})
	t.Logf("3 replicas after %s", c.ReplicasBecome(t, namespace, "shop", 3, time.Minute).Round(time.Second))
	report := traffic.Stop()
	t.Logf("%v; for the other cluster: %v", report, others.Stop())
	if report.Wrong > 0 {
		t.Error(report.Examples())
	}
	cluster.Eventually(t, 10*time.Second, func() error { return counted(t, c, namespace, uint64(report.Total)) })
	ignores(t, c, asked, namespace+"/shop-0")
	t.Logf("1 replica after %s", c.ReplicasBecome(t, namespace, "shop", 1, 90*time.Second).Round(time.Second))

	cluster.Get(t, c, namespace, "shop", object)
	object.Spec.MinReplicaCount = new(int32)
	if err := c.Update(t.Context(), object); err == nil || !strings.Contains(err.Error(), "minReplicaCount 0 is too low") {
		t.Errorf("minReplicaCount 0: %v", err)
	}
	if now := cluster.Get(t, c, namespace, "shop", &kedav1alpha1.ScaledObject{}); *now.Spec.MinReplicaCount != 1 {
		t.Errorf("minReplicaCount is %d", *now.Spec.MinReplicaCount)
	}
}

// counted wants all controllers to know of so many requests. Envoys of an earlier run are not
// heard any more.
func counted(t *testing.T, c *cluster.Cluster, namespace string, want uint64) error {
	t.Helper()
	var wrong []error
	for _, pod := range c.Pods(t, controllers, controllerPods) {
		demands, err := dump.Demands(t.Context(), pod.Status.PodIP)
		if err != nil {
			return err
		}
		got := uint64(0)
		for _, proxy := range demands[namespace+"/shop-0"].Proxies {
			if proxy.Heard {
				got += proxy.Requests
			}
		}
		if got != want {
			wrong = append(wrong, fmt.Errorf("%s knows of %d requests, %d were answered", pod.Name, got, want))
		}
	}
	return errors.Join(wrong...)
}

// ignores wants every controller to ask for one cluster, for one trigger, and the one that the
// Envoy reports to to have ignored others.
func ignores(t *testing.T, c *cluster.Cluster, asked, trigger string) {
	t.Helper()
	ignored := 0.0
	for _, pod := range c.Pods(t, controllers, controllerPods) {
		clusters, err := dump.ExternalClusters(t.Context(), pod.Status.PodIP)
		if err != nil {
			t.Fatal(err)
		}
		if len(clusters) != 1 || !slices.Equal(clusters[asked], []string{trigger}) {
			t.Errorf("%s asks for %v, want %s for %s", pod.Name, slices.Sorted(maps.Keys(clusters)), asked, trigger)
		}
		n, err := dump.Sum(t.Context(), pod.Status.PodIP, dump.Port, "kedify_gateway_count_ignored_clusters_total")
		if err != nil {
			t.Fatal(err)
		}
		ignored += n
	}
	t.Logf("clusters of messages that were ignored: %.0f", ignored)
	if ignored == 0 {
		t.Error("no cluster was ignored")
	}
}
