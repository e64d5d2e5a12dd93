package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kedify/inference-gateway/charts/valuesets"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// TestUpgradeValueSets has the API server look at what the chart makes of the values of thirty installations: it takes
// every object, and knows every field. Nothing is installed.
func TestUpgradeValueSets(t *testing.T) {
	c := cluster.Connect(t)
	sets, err := valuesets.Read()
	if err != nil || len(sets) < 30 {
		t.Fatalf("%d sets: %v", len(sets), err)
	}
	seen, objects := map[string]bool{}, 0
	for _, set := range sets {
		for _, object := range cluster.Decode(t, templated(t, set)) {
			text, err := object.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			objects++
			if seen[string(text)] {
				continue // of another set as well
			}
			seen[string(text)] = true
			if object.GetKind() == "Pod" { // of helm test: its ServiceAccount exists while that runs
				unstructured.RemoveNestedField(object.Object, "spec", "serviceAccountName")
			}
			if err := c.DryRun(t, controllers, object); err != nil {
				t.Errorf("%s: %s %s: %v", set.Name, object.GetKind(), object.GetName(), err)
			}
		}
	}
	t.Logf("%d objects of %d installations, %d of them different", objects, len(sets), len(seen))
}

// templated is what the chart makes of the values.
func templated(t *testing.T, set valuesets.Set) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, []byte(set.Values), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(*root, "bin", "helm"), "template", controllerName,
		filepath.Join(*root, "charts", controllerName), "--namespace", controllers, "--values", file,
		"--api-versions", "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy").Output()
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", set.Name, err))
	}
	return string(out)
}
