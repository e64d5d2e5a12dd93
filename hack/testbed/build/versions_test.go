package build

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
)

// ownVersions are modules in which a program has the version of its release, or one that nothing else here is built with.
// The cost of a CRD's rules is what the cel-go of Kubernetes says; an endpoint picker is of the release that its name says.
var ownVersions = map[string]bool{
	"github.com/google/cel-go": true, "cel.dev/expr": true, "github.com/sirupsen/logrus": true,
	"sigs.k8s.io/gateway-api-inference-extension": true,
	// containerd is ahead of the others.
	"github.com/Microsoft/go-winio": true, "github.com/containerd/containerd/api": true, "github.com/containerd/log": true,
	"github.com/fxamacker/cbor/v2": true, "github.com/moby/sys/userns": true, "k8s.io/cri-streaming": true,
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc": true,
}

// TestSharedVersions keeps modules on the same versions of what they share: a package of another version is
// compiled again, with all that imports it.
func TestSharedVersions(t *testing.T) {
	for _, pair := range [][2]string{
		{".", "conformance"},
		{".", "hack/helm"},
		{".", "hack/testbed/components/containerd"},
		{".", "hack/testbed/components/coredns"},
		{".", "hack/testbed/components/echo-basic"},
		{".", "hack/testbed/components/epp"},
		{".", "hack/testbed/components/etcd"},
		{".", "hack/testbed/components/kubernetes"},
		{".", "hack/testbed/components/llm-d-inference-sim"},
		{".", "hack/testbed/components/lwepp"},
		{"hack/testbed/components/kubernetes", "bench/scaling/hpa/kubernetes"},
		{"hack/testbed/components/keda", "hack/testbed/components/haproxy-routes"},
	} {
		chosen := moduleOf(t, pair[0]).versions()
		for path, version := range moduleOf(t, pair[1]).versions() {
			if other := chosen[path]; other != "" && other != version && !ownVersions[path] {
				t.Errorf("%s has %s %s, %s has %s: go get %[2]s@... in one of them, then go mod tidy", pair[1], path, version, pair[0], other)
			}
		}
	}
}

// TestSharedGo keeps all that is built on one Go: with another, its whole library is compiled again.
func TestSharedGo(t *testing.T) {
	product := moduleOf(t, ".").Toolchain
	for _, c := range Components {
		if !c.fromSource() {
			continue
		}
		if own := moduleOf(t, filepath.Join("hack/testbed/components", c.Name)).Toolchain; own != product {
			t.Errorf("%s is built with %q, the product with %q: go mod edit -toolchain=%[3]s", c.Name, own, product)
		}
	}
}

// module is a go.mod file.
type module struct {
	Toolchain string
	Require   []struct{ Path, Version string }
}

// moduleOf reads the go.mod file in a folder of the repository.
func moduleOf(t *testing.T, dir string) module {
	t.Helper()
	cmd := exec.Command("go", "mod", "edit", "-json")
	cmd.Dir = filepath.Join("../../..", dir)
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var m module
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// versions are those of all modules that the file names, by path.
func (m module) versions() map[string]string {
	out := map[string]string{}
	for _, r := range m.Require {
		out[r.Path] = r.Version
	}
	return out
}
