package e2e

import (
	"bytes"
	"os/exec"
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
	const release = "kedify-gateway"
	values := helm(t, nil, "get", "values", release, "--namespace", controllers, "--output", "yaml")
	install := func() {
		helm(t, values, "upgrade", "--install", release, filepath.Join(*root, "charts", "kedify-gateway"), "--namespace", controllers,
			"--values", "-", "--wait", "--timeout", "3m")
	}
	t.Cleanup(install) // also when the test fails in between: the others need it
	helm(t, nil, "uninstall", release, "--namespace", controllers, "--wait", "--timeout", "3m")
	for _, p := range before {
		p.again(t, c, namespace)
		probe(t, p.address(t, c), p.kind+".uninstall.test", "/")
	}
	install()
	begun := time.Now()
	for _, p := range before {
		isWired(t, c, namespace, p.name+"-0")
	}
	t.Logf("wired again %s after the installation", time.Since(begun).Round(time.Second))
}

// helm runs the installer's helm, which is where `make e2e` has put it.
func helm(t *testing.T, stdin []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(filepath.Join(*root, "bin", "helm"), args...)
	var problems bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("helm %v: %v\n%s%s", args, err, out, problems.Bytes())
	}
	return out
}
