package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

const severalYAML = `
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  pollingInterval: 5
  minReplicaCount: 1
  maxReplicaCount: 6
  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: 5}}}}
  triggers:
  - type: kedify-http
    metadata:
      hosts: web.test
      service: web
      port: "80"
      scalingMetrics: requestRate:10,concurrency:4
      window: 5s
      concurrencyAggregation: instant
      healthcheckPath: /alive
      healthcheckResponse: static
`

// TestKedifyHTTPSeveralMetrics: the HPA has both metrics of one trigger, each with its target, and the higher one decides: first the
// rate of short requests, then what is in flight.
func TestKedifyHTTPSeveralMetrics(t *testing.T) {
	t.Parallel()
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	c.Apply(t, namespace, render(t, workloadYAML, workload{Name: "web", Replicas: 1}))
	c.Apply(t, namespace, severalYAML)
	address := proxied(t, c, namespace, "web-0")
	probe(t, address, "web.test", "/alive")
	c.DeploymentsReady(t, namespace)
	cluster.Eventually(t, time.Minute, func() error {
		targets, err := externalTargets(t, c, namespace, "keda-hpa-web")
		if want := []string{"s0-http-request-rate 10", "s0-http-concurrency 4"}; err == nil && !slices.Equal(targets, want) {
			err = fmt.Errorf("the HPA has %v, want %v", targets, want)
		}
		return err
	})

	run := load.Arrive(t, load.Arrivals{
		Address: address, Rate: 26, Request: func(int) load.Request { return load.Request{Host: "web.test", Path: "/"} },
	})
	t.Logf("3 replicas by the rate after %s", c.ReplicasBecome(t, namespace, "web", 3, 30*time.Second).Round(100*time.Millisecond))
	run.Stop()
	t.Logf("1 replica without load after %s", c.ReplicasBecome(t, namespace, "web", 1, 30*time.Second).Round(100*time.Millisecond))
	open := sockets(t, address, "web.test", 7)
	t.Logf("2 replicas by what is in flight after %s", c.ReplicasBecome(t, namespace, "web", 2, 30*time.Second).Round(100*time.Millisecond))
	for _, socket := range open {
		if err := says(socket, "still here"); err != nil {
			t.Fatal(err)
		}
	}
}

// externalTargets are the external metrics of an HPA with their targets, in its order.
func externalTargets(t *testing.T, c *cluster.Cluster, namespace, name string) (targets []string, err error) {
	hpa := &autoscalingv2.HorizontalPodAutoscaler{}
	if err := c.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, hpa); err != nil {
		return nil, err
	}
	for _, of := range hpa.Spec.Metrics {
		if of.External != nil && of.External.Target.AverageValue != nil {
			targets = append(targets, of.External.Metric.Name+" "+of.External.Target.AverageValue.String())
		}
	}
	return targets, nil
}
