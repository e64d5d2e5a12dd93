package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// completion is a request for a completion of some bytes at least.
func completion(model string, bytes int) string {
	return fmt.Sprintf(`{"prompt": "%s", "max_tokens": 2, "model": %q}`, strings.Repeat("a ", bytes/2), model)
}

// TestInferenceModels: two models of one host and path are at zero, and a request wakes the one that its body asks for, and not the other, with
// any header. What asks for none of them is answered 404, until an HTTPRoute of the user takes it by the same name of a header.
func TestInferenceModels(t *testing.T) {
	const namespace, host = "model-routing", "models.keda"
	c := cluster.Connect(t)
	c.ApplyFolder(t, filepath.Join(*root, "examples", namespace))
	address := proxied(t, c, namespace, "llama-0", "qwen-0")
	for _, name := range []string{"llama", "qwen"} {
		asksZero(t, c, namespace, name)
	}
	headers := []string{"content-type", "application/json; charset=utf-8", "x-gateway-model-name", "llama-3.1-8b"}
	for body, want := range map[string]int{completion("gpt-5", 10): 404, "{": 400, "[]": 404} {
		if got, err := ask(address, host, completions, body, headers...); err != nil || got.status != want {
			t.Fatalf("%.40s: %v %d, want %d", body, err, got.status, want)
		}
	}
	if got, err := ask(address, host, "/v1/models", "", headers...); err != nil || got.status != http.StatusNotFound {
		t.Fatalf("GET /v1/models: %v %d", err, got.status)
	}

	begun := time.Now()
	got := first(t, address, host, completions, completion("qwen-3-8b", 1<<10))
	if err := cold(got); err != nil || !strings.Contains(got.body, "qwen-3-8b") {
		t.Fatalf("%v %s", err, got.body)
	}
	t.Logf("the first request for qwen took %s", time.Since(begun).Round(time.Millisecond))
	// The other one was asked for in a header alone.
	for _, bytes := range []int{10, 64 << 10, 1 << 20} {
		got, err := ask(address, host, completions, completion("qwen-3-8b", bytes), headers...)
		if err != nil || got.status == http.StatusNotFound || strings.Contains(got.body, "llama") {
			t.Errorf("%d bytes: %v %d %.200s", bytes, err, got.status, got.body)
		}
	}
	deployment, err := c.Clients.AppsV1().Deployments(namespace).Get(t.Context(), "llama", metav1.GetOptions{})
	if err != nil || *deployment.Spec.Replicas != 0 || deployment.Status.Replicas != 0 {
		t.Errorf("llama was not asked for: %v, %d replicas", err, *deployment.Spec.Replicas)
	}

	c.Apply(t, namespace, `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: own}
spec:
  parentRefs: [{name: kedify-proxy, sectionName: http}]
  hostnames: [models.keda]
  rules:
  - matches: [{path: {value: /v1}, headers: [{name: X-Gateway-Model-Name, value: gpt-5}]}]
    filters: [{type: RequestRedirect, requestRedirect: {hostname: gpt-5.test}}]
`)
	c.RouteHas(t, namespace, "own", cluster.Accepted)
	cluster.Eventually(t, 30*time.Second, func() error {
		got, err := ask(address, host, completions, completion("gpt-5", 10), headers...)
		if err == nil && got.header.Get("location") == "" {
			err = fmt.Errorf("the route of the user takes no request: %d", got.status)
		}
		return err
	})
}
