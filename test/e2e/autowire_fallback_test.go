package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// TestAutowireT52Fallback: while no controller is there, the wiring answers KEDA with an error, which stock KEDA counts
// for a scaler that has a specification. It then scales to fallback.replicas, while requests go directly.
func TestAutowireT52Fallback(t *testing.T) {
	const name, replicas = "app", 3
	c := cluster.Connect(t)
	controllersAlive(t, c)
	namespace := c.Namespace(t)
	f, host := foreigners[0], hostIn(namespace, name)
	address := f.behind(t, c, namespace, workload{Name: name, Replicas: 1}, host)
	s := simple(name, host)
	s.Max = replicas
	s.More = append(s.More, "trafficAutowire: "+f.kind)
	c.Apply(t, namespace, strings.Replace(render(t, scaledYAML, s),
		"  minReplicaCount:", "  fallback: {failureThreshold: 2, replicas: 3}\n  minReplicaCount:", 1))
	isWired(t, c, namespace, name+"-0")
	traffic := steady(t, address, host, 20)
	killAll(t, c, controllers, controllerName, controllerPods)
	killed := time.Now()
	leads(t, c, namespace, name+"-0", v1alpha1.PathDirect)
	c.ReplicasBecome(t, namespace, name, replicas, 2*time.Minute)
	t.Logf("KEDA has %d replicas %s after the controllers were killed", replicas, time.Since(killed).Round(time.Second))
	c.Scale(t, controllers, controllerName, 2)
	leads(t, c, namespace, name+"-0", v1alpha1.PathProxy)
	c.ReplicasBecome(t, namespace, name, 1, 2*time.Minute) // KEDA has a value again
	if report := traffic.Stop(); report.Wrong > 0 {
		t.Error(report.Examples())
	}
}
