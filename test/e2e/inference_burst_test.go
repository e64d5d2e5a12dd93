package e2e

import (
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

// burstYAML has an HPA that waits two minutes with each scale-up: what is raised before is not raised by it.
const burstYAML = `
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{.Name}}
  {{- with .Paused}}
  annotations: {autoscaling.keda.sh/{{.}}: "true"}
  {{- end}}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{.Name}}}
  pollingInterval: 5
  minReplicaCount: 1
  maxReplicaCount: 6
  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleUp: {stabilizationWindowSeconds: 120}}}}
  triggers:
  - type: kedify-http
    metadata:
      hosts: {{.Name}}.test
      service: {{.Name}}
      port: "80"
      scalingMetric: requestRate
      targetValue: "5"
      window: 10s
      burstScaling: "true"
      healthcheckPath: /alive
      healthcheckResponse: static
`

type burstOf struct{ Name, Paused string }

// TestInferenceBurst: burstScaling raises replicas within seconds where the HPA waits, at most four at once, up to the maximum; the
// HPA does not take them away, and a load that goes does not either; a pause stops it.
func TestInferenceBurst(t *testing.T) {
	t.Parallel()
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	for _, of := range []burstOf{{Name: "llm"}, {Name: "paused", Paused: "paused-scale-out"}} {
		c.Apply(t, namespace, render(t, workloadYAML, workload{Name: of.Name, Replicas: 1}))
		c.Apply(t, namespace, render(t, burstYAML, of))
	}
	address := proxied(t, c, namespace, "llm-0")
	c.ScalerHas(t, namespace, "paused-0", cluster.Accepted, cluster.ResolvedRefs)
	c.DeploymentsReady(t, namespace)
	cluster.Eventually(t, time.Minute, func() error {
		return c.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "keda-hpa-llm"}, &autoscalingv2.HorizontalPodAutoscaler{})
	})
	probe(t, address, "llm.test", "/alive")
	probe(t, address, "paused.test", "/alive")
	begun := time.Now()
	var runs []*load.Run
	for _, name := range []string{"llm", "paused"} {
		runs = append(runs, load.Arrive(t, load.Arrivals{
			Address: address, Rate: 50, Request: func(int) load.Request { return load.Request{Host: name + ".test", Path: "/"} },
		}))
	}
	llm := &watched{c: c, namespace: namespace, replicas: 1}
	if !llm.until(t, 20*time.Second, func(replicas int32) bool { return replicas > 1 }) || llm.replicas > 5 {
		t.Fatalf("%d replicas in one step, want 2 to 5", llm.replicas)
	}
	raised := time.Since(begun)
	t.Logf("%d replicas %s after the load began: %s", llm.replicas, raised.Round(100*time.Millisecond),
		c.EventAbout(t, namespace, "HTTPScaler", "llm-0", "BurstScaled"))
	if !llm.until(t, 30*time.Second, func(replicas int32) bool { return replicas == 6 }) {
		t.Errorf("%d replicas after 30 s of load, want the maximum of 6", llm.replicas)
	}
	for _, run := range runs {
		run.Stop()
	}
	if wanted, _ := c.Replicas(t, namespace, "paused"); wanted != 1 {
		t.Errorf("%d replicas while scaling out is paused", wanted)
	}
	llm.until(t, 15*time.Second, func(int32) bool { return false })
}

// watched is a Deployment of which the replicas never fall.
type watched struct {
	c         *cluster.Cluster
	namespace string
	replicas  int32
}

// until reads how many replicas the Deployment is to have, until that is enough or time is over.
func (w *watched) until(t *testing.T, limit time.Duration, enough func(int32) bool) bool {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		wanted, _ := w.c.Replicas(t, w.namespace, "llm")
		if wanted < w.replicas {
			t.Fatalf("from %d replicas to %d", w.replicas, wanted)
		}
		if w.replicas = wanted; enough(wanted) {
			return true
		}
	}
	return false
}
