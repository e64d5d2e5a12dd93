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
	t.Run("FailCloseKilled", func(t *testing.T) { killedFailClose(t, c, namespace, address, body) })
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

// killed kills the picker of a pool that fails open, under load. Requests that the picker held may
// fail, for half a second; later requests must not.
func killed(t *testing.T, c *cluster.Cluster, namespace, address, body string) {
	t.Helper()
	traffic := underLoad(t, c, namespace, address, load.Request{Body: body})
	answered(t, traffic, 100)
	kill(t, c, namespace, c.Pods(t, namespace, "app=llama-epp")[0].Name)
	time.Sleep(500 * time.Millisecond) // the window of the promise, not a wait for something
	during := traffic.Report()
	t.Logf("until half a second after the kill: %s", during)
	answered(t, traffic, during.Total+200)
	c.DeploymentReady(t, namespace, "llama-epp")
	after := traffic.Stop()
	t.Logf("in all: %s", after)
	if after.Wrong > during.Wrong {
		t.Errorf("%d requests failed later than half a second after the kill; in all %s", after.Wrong-during.Wrong, after.Examples())
	}
}

// killedFailClose kills the picker of a pool that fails closed, under load. Requests are answered
// 503 until the next picker is ready, and 200 from then on.
func killedFailClose(t *testing.T, c *cluster.Cluster, namespace, address, body string) {
	t.Helper()
	traffic := underLoad(t, c, namespace, address, load.Request{Body: body, Expect: func(r *http.Response, body []byte) error {
		if r.StatusCode != http.StatusOK && r.StatusCode != http.StatusServiceUnavailable {
			return fmt.Errorf("%s, want 200 or 503: %.200s", r.Status, body)
		}
		return nil
	}})
	answered(t, traffic, 100)
	if report := traffic.Report(); report.Outcomes["503"] > 0 {
		t.Errorf("before the kill: %s", report)
	}
	kill(t, c, namespace, c.Pods(t, namespace, "app=llama-epp")[0].Name)
	cluster.Eventually(t, 10*time.Second, func() error {
		if report := traffic.Report(); report.Outcomes["503"] == 0 {
			return fmt.Errorf("no request was answered 503: %s", report)
		}
		return nil
	})
	c.DeploymentReady(t, namespace, "llama-epp")
	answers(t, address, completions, body)
	before := traffic.Report()
	answered(t, traffic, before.Total+100)
	report := traffic.Stop()
	t.Logf("in all: %s", report)
	if report.Wrong > 0 {
		t.Error(report.Examples())
	}
	if report.Outcomes["503"] > before.Outcomes["503"] {
		t.Errorf("%d requests were answered 503 after the next picker answered", report.Outcomes["503"]-before.Outcomes["503"])
	}
}

// underLoad sends a request to the pool over and over while its picker is ready.
func underLoad(t *testing.T, c *cluster.Cluster, namespace, address string, request load.Request) *load.Run {
	t.Helper()
	c.DeploymentReady(t, namespace, "llama-epp")
	request.Method, request.Host, request.Path = http.MethodPost, "inference.example.com", completions
	request.Header = map[string]string{"content-type": "application/json"}
	return load.Start(t, load.Options{
		Address: address + ":80", Workers: 4, Pause: 5 * time.Millisecond, Requests: []load.Request{request},
	})
}

// answered waits until that many requests were answered.
func answered(t *testing.T, traffic *load.Run, total int) {
	t.Helper()
	cluster.Eventually(t, 30*time.Second, func() error {
		if report := traffic.Report(); report.Total < total {
			return fmt.Errorf("%d requests answered, want %d", report.Total, total)
		}
		return nil
	})
}
