package e2e

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// inClusterYAML is what the specification asks for: the Service that clients name has no selector, and
// a second one has it.
const inClusterYAML = `
apiVersion: v1
kind: Service
metadata: {name: front}
spec: {ports: [{name: http, port: 80, targetPort: 3000}]}
`

// TestAutowireT51Service: in-cluster clients of a Service without selector come through the proxies, at
// zero as well. The slices follow the proxies, and when all of them die kube-proxy has the standby.
func TestAutowireT51Service(t *testing.T) {
	t.Parallel()
	const host = "front.test"
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	c.Apply(t, namespace, render(t, workloadYAML, workload{Name: "app", Replicas: 1}))
	c.Apply(t, namespace, inClusterYAML)
	s := scaled{Name: "app", Host: host, Min: 0, Max: 2, Metric: "requestRate", Target: 100000,
		More: []string{"trafficAutowire: service", "fallbackService: app"}}
	c.Apply(t, namespace, strings.Replace(render(t, scaledYAML, s), "service: app", "service: front", 1))
	c.DeploymentReady(t, namespace, "app")
	isWired(t, c, namespace, "app-0")
	address := net.JoinHostPort(cluster.Get(t, c, namespace, "front", &corev1.Service{}).Spec.ClusterIP, "80")
	probe(t, address, host, "/")
	c.ReplicasBecome(t, namespace, "app", 0, 2*time.Minute)
	got, err := wait(t.Context(), address, host, "")
	if err == nil {
		err = cold(got)
	}
	if err != nil {
		t.Fatal(err)
	}

	proxies := c.Deployment(t, namespace, proxyPods).Name
	c.Scale(t, namespace, proxies, 3)
	follow := func() {
		t.Helper()
		cluster.Eventually(t, 20*time.Second, func() error {
			var pods []string
			for _, pod := range c.Pods(t, namespace, proxyPods) {
				if pod.DeletionTimestamp == nil {
					pods = append(pods, pod.Status.PodIP)
				}
			}
			slices.Sort(pods)
			if found := readyOf(t, c, namespace, "front"); !slices.Equal(found, pods) {
				return fmt.Errorf("ready endpoints of the Service are %v, the proxies %v", found, pods)
			}
			return nil
		})
	}
	follow()
	c.Scale(t, namespace, proxies, 1)
	follow()
}

// readyOf are the addresses of the ready endpoints of a Service, sorted.
func readyOf(t *testing.T, c *cluster.Cluster, namespace, service string) []string {
	t.Helper()
	list, err := c.Clients.DiscoveryV1().EndpointSlices(namespace).List(t.Context(), metav1.ListOptions{
		LabelSelector: discoveryv1.LabelServiceName + "=" + service,
	})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, slice := range list.Items {
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready {
				found = append(found, endpoint.Addresses...)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// TestAutowireT55Restart restarts wiring, both replicas. Nothing that is wired is written again, and an
// object that was wired before is restored after.
func TestAutowireT55Restart(t *testing.T) {
	const name, host = "app", "restart.test"
	f := foreigners[0]
	c := cluster.Connect(t)
	controllersAlive(t, c)
	namespace := c.Namespace(t)
	f.behind(t, c, namespace, workload{Name: name, Replicas: 1}, host)
	before := remember(t, c, f, namespace, name)
	f.scale(t, c, namespace, simple(name, host))
	since := isWired(t, c, namespace, name+"-0").Status.Wiring.Since
	generation := f.get(t, c, namespace, name).GetGeneration()
	for _, pod := range c.Pods(t, controllers, wiringPods) {
		kill(t, c, controllers, pod.Name)
	}
	c.DeploymentReady(t, controllers, wiringName)
	time.Sleep(2 * debounce)
	if now := f.get(t, c, namespace, name).GetGeneration(); now != generation {
		t.Errorf("the Ingress was written %d times", now-generation)
	}
	if now := cluster.Get(t, c, namespace, name+"-0", &v1alpha1.HTTPScaler{}).Status.Wiring; now == nil || !now.Since.Equal(&since) {
		t.Errorf("the path was %s since %s and is %+v", v1alpha1.PathProxy, since, now)
	}
	deleteScaled(t, c, namespace, name)
	before.again(t, c, namespace)
}
