package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
)

// TestPickerFailureModes takes the picker of a pool away, softly, by force and by a wrong
// reference: a pool that fails closed answers 503, one that fails open is load-balanced, with
// and without a body; and both are as before once the picker is back.
func TestPickerFailureModes(t *testing.T) {
	const namespace = "inference-quickstart"
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", namespace))
	c.DeploymentsReady(t, namespace)
	address := c.GatewayReady(t, namespace, "inference")
	c.RouteHas(t, namespace, "llama", cluster.Accepted, cluster.ResolvedRefs)
	const body = `{"model": "llama-3.1-8b", "prompt": "hello", "max_tokens": 1}`
	answers(t, address, completions, body)

	without := func(t *testing.T, want int) {
		t.Helper()
		statuses(t, address, body, want)
	}
	t.Run("FailClose", func(t *testing.T) {
		c.Scale(t, namespace, "llama-epp", 0)
		without(t, http.StatusServiceUnavailable)
		c.Scale(t, namespace, "llama-epp", 1)
		answers(t, address, completions, body)
	})
	failOpen(t, c, namespace)
	t.Run("FailOpen", func(t *testing.T) {
		c.Scale(t, namespace, "llama-epp", 0)
		without(t, http.StatusOK)
		c.Scale(t, namespace, "llama-epp", 1)
		answers(t, address, completions, body)
	})
	t.Run("FailOpenKilled", func(t *testing.T) { killed(t, c, namespace, address, body) })
	t.Run("MissingPicker", func(t *testing.T) {
		pool := &inferencev1.InferencePool{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "llama"}}
		cluster.Edit(t, c, pool, func(p *inferencev1.InferencePool) {
			p.Spec.EndpointPickerRef.Name = "nobody"
			p.Spec.EndpointPickerRef.FailureMode = inferencev1.EndpointPickerFailClose
		})
		c.PoolHas(t, namespace, "llama", "inference",
			cluster.Condition{Type: "ResolvedRefs", Status: metav1.ConditionFalse, Reason: "InvalidExtensionRef"})
		without(t, http.StatusServiceUnavailable)
	})
}

func failOpen(t *testing.T, c *cluster.Cluster, namespace string) {
	t.Helper()
	pool := &inferencev1.InferencePool{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "llama"}}
	cluster.Edit(t, c, pool, func(p *inferencev1.InferencePool) {
		p.Spec.EndpointPickerRef.FailureMode = inferencev1.EndpointPickerFailOpen
	})
	c.PoolHas(t, namespace, "llama", "inference", cluster.Accepted)
}

// statuses waits for a status and then wants nothing but it, with and without a body.
func statuses(t *testing.T, address, body string, want int) {
	t.Helper()
	one := func(body, path string) error {
		got, err := ask(address, "", path, body, "content-type", "application/json")
		if err == nil && got.status != want {
			err = fmt.Errorf("%s: %d, want %d: %.200s", path, got.status, want, got.body)
		}
		return err
	}
	cluster.Eventually(t, 10*time.Second, func() error { return one(body, completions) })
	for range 20 {
		if err := one(body, completions); err != nil {
			t.Error(err)
		}
		if err := one("", "/v1/models"); err != nil {
			t.Error(err)
		}
	}
}

// killed takes the picker away by force under load. What was with the picker at that moment
// may fail; after that, nothing may.
func killed(t *testing.T, c *cluster.Cluster, namespace, address, body string) {
	t.Helper()
	c.DeploymentReady(t, namespace, "llama-epp")
	traffic := load.Start(t, load.Options{Address: address + ":80", Workers: 4, Pause: 5 * time.Millisecond, Requests: []load.Request{{
		Method: http.MethodPost, Host: "inference.example.com", Path: completions, Body: body,
		Header: map[string]string{"content-type": "application/json"},
	}}})
	time.Sleep(time.Second)
	pod := c.Pods(t, namespace, "app=llama-epp")[0]
	now := int64(0)
	if err := c.Clients.CoreV1().Pods(namespace).Delete(t.Context(), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	during := traffic.Report()
	t.Logf("until one second after the kill: %s", during)
	time.Sleep(3 * time.Second)
	c.DeploymentReady(t, namespace, "llama-epp")
	after := traffic.Stop()
	t.Logf("in all: %s", after)
	if after.Wrong > during.Wrong {
		t.Errorf("%d requests failed later than one second after the kill; in all %s", after.Wrong-during.Wrong, after.Examples())
	}
}
