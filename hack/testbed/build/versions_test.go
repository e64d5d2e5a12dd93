package build

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
)

// ownVersions are modules that Kubernetes has as it was released: the cost of a CRD's rules is what cel-go says, and logrus is
// in no program that is built from the product's go.mod but hack/release.
var ownVersions = map[string]bool{"github.com/google/cel-go": true, "cel.dev/expr": true, "github.com/sirupsen/logrus": true}

// TestSharedVersions keeps modules that are built one after the other on the same versions of
// what they share: a package of another version is compiled again, with all that imports it.
func TestSharedVersions(t *testing.T) {
	for _, family := range [][]string{
		{"hack/testbed/components/epp", "hack/testbed/components/llm-d-inference-sim", "hack/testbed/components/coredns"},
		{".", "hack/helm", "hack/testbed/components/kubernetes"},
		{"hack/testbed/components/kubernetes", "bench/scaling/hpa/kubernetes"},
		{".", "conformance"},
		{"hack/testbed/components/keda", "hack/testbed/components/haproxy-routes"},
	} {
		chosen := map[string]string{}
		for _, module := range family {
			for path, version := range requirements(t, filepath.Join("../../..", module)) {
				if chosen[path] == "" {
					chosen[path] = version
				}
				if chosen[path] != version && !ownVersions[path] {
					t.Errorf("%s has %s %s, another of %v has %s: go get %[2]s@... in one of them, then go mod tidy", module, path,
						version, family, chosen[path])
				}
			}
		}
	}
}

// requirements are the versions of all modules that a module's go.mod names.
func requirements(t *testing.T, dir string) map[string]string {
	t.Helper()
	cmd := exec.Command("go", "mod", "edit", "-json")
	cmd.Dir = dir
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, r := range file.Require {
		out[r.Path] = r.Version
	}
	return out
}
