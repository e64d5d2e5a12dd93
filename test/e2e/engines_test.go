package e2e

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/dump"
)

// modelYAML is two simulators of vLLM whose metrics say what they are told to. They have no probe: a Pod whose server stops stays ready.
const modelYAML = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: model}
spec:
  replicas: 2
  selector: {matchLabels: {app: model}}
  template:
    metadata: {labels: {app: model}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: vllm
        image: ghcr.io/llm-d/llm-d-inference-sim:v0.10.2
        args:
        - --model=llama-3.1-8b
        - --port=8000
        - --force-dummy-tokenizer
        - --fake-metrics={"running-requests":1,"waiting-requests":3,"kv-cache-usage":0.4}
        env:
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
        - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        ports: [{containerPort: 8000}]
        resources: {requests: {cpu: 5m}}
---
apiVersion: v1
kind: Service
metadata: {name: model}
spec:
  selector: {app: model}
  ports: [{name: http, port: 80, targetPort: 8000}]
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: model}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: model}
  pollingInterval: 5
  minReplicaCount: 1
  maxReplicaCount: 2
  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: 0}}}}
  triggers:
  - type: kedify-http
    name: queue
    metadata: {hosts: queue.test, service: model, port: "80", scalingMetric: queueDepth, targetValue: "3"}
  - type: kedify-http
    name: cache
    metadata: {hosts: cache.test, service: model, port: "80", scalingMetric: kvCache, targetValue: "0.9"}
`

// TestInferenceEngines: what model servers say of themselves is read once per interval over all replicas of the controller, each of
// them knows it within three seconds, and KEDA gets it. While the servers do not answer, KEDA gets an error and the replicas stay.
func TestInferenceEngines(t *testing.T) {
	t.Parallel()
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	c.Apply(t, namespace, modelYAML)
	proxied(t, c, namespace, "model-queue", "model-cache")
	c.DeploymentReady(t, namespace, "model")
	say := func(when string, queue, cache float64, limit time.Duration) {
		t.Helper()
		begun := time.Now()
		cluster.Eventually(t, limit, func() error { return sayAll(t, c, namespace, queue, cache) })
		t.Logf("%s: known to all replicas after %s", when, time.Since(begun).Round(10*time.Millisecond))
	}
	say("two Pods", 6, 0.4, time.Minute)
	readOnce(t, c)
	object := c.ScaledObjectReady(t, namespace, "model")
	if value, err := c.Metric(t, object, 0); err != nil || value != 6 {
		t.Errorf("KEDA hands on a queue of %v, %v", value, err)
	}
	pods := c.Pods(t, namespace, "app=model")
	if len(pods) != 2 {
		t.Fatalf("%d Pods", len(pods))
	}
	response, err := http.Post("http://"+pods[0].Status.PodIP+":8000/admin/config", "application/json",
		bytes.NewReader([]byte(`{"fake-metrics": {"waiting-requests": 1, "kv-cache-usage": 0.8}}`)))
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response, err)
	}
	response.Body.Close()
	say("another number", 4, 0.6, 5*time.Second)

	for i := range pods {
		for _, process := range cluster.Processes(t, &pods[i], "llm-d-inference-sim"[:15]) {
			if err := syscall.Kill(process.PID, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = syscall.Kill(process.PID, syscall.SIGCONT) })
		}
	}
	cluster.Eventually(t, 30*time.Second, func() error {
		value, err := c.Metric(t, object, 0)
		if err == nil {
			return fmt.Errorf("KEDA hands on %v", value)
		}
		return nil
	})
	demands, err := dump.Demands(t.Context(), c.Pods(t, controllers, controllerPods)[0].Status.PodIP)
	if err != nil || !strings.Contains(demands[namespace+"/model-queue"].Unknown, "2 of 2 ready Pods do not say how many requests wait") {
		t.Errorf("%+v, %v", demands[namespace+"/model-queue"], err)
	}
	for end := time.Now().Add(25 * time.Second); time.Now().Before(end); time.Sleep(time.Second) { // longer than HPA and KEDA take for a zero
		if wanted, _ := c.Replicas(t, namespace, "model"); wanted != 2 {
			t.Fatalf("%d replicas while their queue is unknown", wanted)
		}
	}
}

// sayAll compares what the replicas of the controller know.
func sayAll(t *testing.T, c *cluster.Cluster, namespace string, queue, cache float64) error {
	for _, pod := range c.Pods(t, controllers, controllerPods) {
		demands, err := dump.Demands(t.Context(), pod.Status.PodIP)
		if err != nil {
			return err
		}
		for name, want := range map[string]float64{"model-queue": queue, "model-cache": cache} {
			if got := demands[namespace+"/"+name]; got.Unknown != "" || math.Abs(got.Value-want) > 1e-6 {
				return fmt.Errorf("%s of %s: %v (%s), not %v", name, pod.Name, got.Value, got.Unknown, want)
			}
		}
	}
	return nil
}

// readOnce counts the reads of all replicas in 20 s, and compares them with the Pods that any trigger of the cluster asks about.
func readOnce(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	count := func() (reads, pods float64) {
		for _, pod := range c.Pods(t, controllers, controllerPods) {
			one, err := dump.Sum(t.Context(), pod.Status.PodIP, dump.Port, "kedify_gateway_engines_reads_total")
			if err != nil {
				t.Fatal(err)
			}
			reads += one
			if pods, err = dump.Sum(t.Context(), pod.Status.PodIP, dump.Port, "kedify_gateway_engines_pods"); err != nil {
				t.Fatal(err)
			}
		}
		return reads, pods
	}
	before, _ := count()
	begun := time.Now()
	time.Sleep(20 * time.Second)
	after, pods := count()
	perPod := (after - before) / pods / (time.Since(begun).Seconds() / 2)
	t.Logf("%v Pods were read %.2f times per interval by all replicas together", pods, perPod)
	if perPod < 0.8 || perPod > 1.2 {
		t.Errorf("%v reads of %v Pods in %s", after-before, pods, time.Since(begun))
	}
}
