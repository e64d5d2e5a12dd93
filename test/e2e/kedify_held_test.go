package e2e

import (
	"testing"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/dump"
)

// held is how many requests of a trigger wait, at all controllers together.
func held(t testing.TB, c *cluster.Cluster, namespace, scaler string) int {
	t.Helper()
	sum := 0
	for _, n := range heldBy(t, c, namespace, scaler) {
		sum += n
	}
	return sum
}

// heldBy is how many requests of a trigger wait at each controller that answers, by the name of
// its pod.
func heldBy(t testing.TB, c *cluster.Cluster, namespace, scaler string) map[string]int {
	t.Helper()
	held := map[string]int{}
	for _, pod := range c.Pods(t, controllers, controllerPods) {
		if demands, err := dump.Demands(t.Context(), pod.Status.PodIP); err == nil {
			held[pod.Name] = demands[namespace+"/"+scaler].HeldBy[""]
		}
	}
	return held
}
