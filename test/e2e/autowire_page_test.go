package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

// modelIngressYAML is what a team had before: an Ingress that leads to the Service of its model.
const modelIngressYAML = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: model, annotations: {projectcontour.io/response-timeout: 2m}}
spec:
  ingressClassName: contour
  rules:
  - host: application.keda
    http:
      paths:
      - {path: /v1, pathType: Prefix, backend: {service: {name: vllm-llm-d-modelservice-inference-svc, port: {number: 8000}}}}
`

// modelRequest is one completion with one token.
func modelRequest(int) load.Request {
	return load.Request{
		Method: http.MethodPost, Host: "application.keda", Path: completions,
		Body:   `{"model": "llama-3.1-8b", "prompt": "hello", "max_tokens": 1}`,
		Header: map[string]string{"content-type": "application/json"},
	}
}

// TestAutowireSpecification has the ScaledObject of the specification, unmodified, behind an Ingress that
// Contour serves, with a model, its pool and its picker. 12 requests per second through the Ingress are
// two replicas; then, with shorter windows, one again. The same with a minimum of zero: 50 requests at once
// wake it, and all are answered.
func TestAutowireSpecification(t *testing.T) {
	const folder, namespace, name, scaler = "inference-autoscale", "inferencepool", "vllm-llm-d-modelservice-decode", "inferencepool-0"
	unmodified(t, filepath.Join(*root, "examples", folder, "4-scaledobject.yaml"))
	c := cluster.Connect(t)
	controllersAlive(t, c)
	c.ApplyFolder(t, filepath.Join(*root, "examples", folder))
	c.Apply(t, namespace, modelIngressYAML)
	c.DeploymentsReady(t, namespace)
	isWired(t, c, namespace, scaler)
	c.PoolHas(t, namespace, "inferencepool", proxyName, cluster.Accepted, cluster.ResolvedRefs)
	address := foreigners[0].address(t, c)
	one := modelRequest(0)
	cluster.Eventually(t, time.Minute, func() error { // route, picker and model come one by one
		got, err := ask(address, one.Host, one.Path, one.Body, "content-type", "application/json")
		if err != nil {
			return err
		}
		return ok(got)
	})
	if wanted, _ := c.Replicas(t, namespace, name); wanted != 1 {
		t.Fatalf("%d replicas without load", wanted)
	}
	traffic := load.Arrive(t, load.Arrivals{Address: address, Rate: 12, Request: modelRequest})
	t.Logf("2 replicas after %s", c.ReplicasBecome(t, namespace, name, 2, 90*time.Second).Round(time.Second))
	time.Sleep(2 * time.Second) // the second replica works, too
	clean(t, traffic)

	object := &kedav1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "inferencepool"}}
	cluster.Edit(t, c, object, func(s *kedav1alpha1.ScaledObject) {
		seconds := int32(5)
		s.Spec.Advanced.HorizontalPodAutoscalerConfig.Behavior.ScaleDown.StabilizationWindowSeconds = &seconds
		s.Spec.Triggers[0].Metadata["window"] = "10s"
	})
	t.Logf("with shorter windows, 1 replica after %s", c.ReplicasBecome(t, namespace, name, 1, time.Minute).Round(time.Second))

	cluster.Edit(t, c, object, func(s *kedav1alpha1.ScaledObject) {
		none, cooldown, polling := int32(0), int32(5), int32(5)
		s.Spec.MinReplicaCount, s.Spec.CooldownPeriod, s.Spec.PollingInterval = &none, &cooldown, &polling
	})
	t.Logf("0 replicas after %s", c.ReplicasBecome(t, namespace, name, 0, 2*time.Minute).Round(time.Second))
	waiting := load.Arrive(t, load.Arrivals{Address: address, Rate: 1000, Count: 50, Patience: 2 * time.Minute, Request: modelRequest})
	waiting.Wait()
	clean(t, waiting)
	t.Logf("0 replicas after %s", c.ReplicasBecome(t, namespace, name, 0, 2*time.Minute).Round(time.Second))
	if path := cluster.Get(t, c, namespace, scaler, &v1alpha1.HTTPScaler{}).Status.Wiring.Path; path != v1alpha1.PathProxy {
		t.Errorf("the traffic leads %s", path)
	}
}

// clean ends a run and wants no unexpected answer.
func clean(t *testing.T, traffic *load.Run) {
	t.Helper()
	report := traffic.Stop()
	t.Log(report)
	if report.Wrong > 0 {
		t.Error(report.Examples())
	}
}

// TestAutowireFromZero wakes an application at zero with 50 requests at once through each of the foreign
// consumers. All are answered, and it goes back to zero (T40, T41, T43).
func TestAutowireFromZero(t *testing.T) {
	t.Parallel()
	for _, f := range foreigners {
		t.Run(f.object, func(t *testing.T) {
			t.Parallel()
			const name = "app"
			host := f.kind + ".zero.test"
			c := cluster.Connect(t)
			namespace := c.Namespace(t)
			address := f.behind(t, c, namespace, workload{Name: name, Replicas: 1}, host)
			s := simple(name, host)
			s.Min = 0
			f.scale(t, c, namespace, s)
			isWired(t, c, namespace, name+"-0")
			c.ReplicasBecome(t, namespace, name, 0, 2*time.Minute)
			gather(t, 50, address, host, func(n int) string { return fmt.Sprintf("n=%d", n) }).done(t, ok)
			t.Logf("0 replicas after %s", c.ReplicasBecome(t, namespace, name, 0, 3*time.Minute).Round(time.Second))
		})
	}
}
