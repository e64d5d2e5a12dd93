package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// TestAutowireT47Uninstall removes the chart while an object of each kind is wired. The release is gone
// only after all of them are as they were, and lead to their applications. Then the chart is installed
// again, with the same values, and they are wired again.
func TestAutowireT47Uninstall(t *testing.T) {
	c := cluster.Connect(t)
	controllersAlive(t, c)
	namespace := c.Namespace(t)
	var before []pristine
	for _, f := range foreigners {
		host := f.kind + ".uninstall.test"
		f.behind(t, c, namespace, workload{Name: f.kind, Replicas: 1}, host)
		before = append(before, remember(t, c, f, namespace, f.kind))
		f.scale(t, c, namespace, simple(f.kind, host))
	}
	for _, f := range foreigners {
		isWired(t, c, namespace, f.kind+"-0")
	}
	reinstall := keepValues(t)
	t.Cleanup(reinstall) // also when the test fails in between: the others need it
	if _, err := helm(t.Context(), "uninstall", controllerName, "--wait", "--timeout", "3m"); err != nil {
		t.Fatal(err)
	}
	for _, p := range before {
		p.again(t, c, namespace)
		probe(t, p.address(t, c), p.kind+".uninstall.test", "/")
	}
	reinstall()
	begun := time.Now()
	for _, p := range before {
		isWired(t, c, namespace, p.name+"-0")
	}
	t.Logf("wired again %s after the installation", time.Since(begun).Round(time.Second))
}

// keepValues returns what installs the chart again with the values that it has now.
func keepValues(t *testing.T) (reinstall func()) {
	t.Helper()
	values, err := helm(t.Context(), "get", "values", controllerName, "--output", "yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, values, 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		_, err := helm(context.Background(), "upgrade", "--install", controllerName, filepath.Join(*root, "charts", "kedify-gateway"),
			"--values", file, "--wait", "--timeout", "3m")
		if err != nil {
			t.Errorf("the chart is not installed as it was: %v", err)
		}
	}
}
