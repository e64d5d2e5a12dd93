package e2e

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/pages"
)

// TestNewcomer is for a cluster with KEDA and without the product: `make newcomer` starts one. It runs the commands of README, and
// sees that the examples, which the last ones apply, do what their pages say. Its registry is on the loopback of the node, from
// which containerd pulls without TLS.
func TestNewcomer(t *testing.T) {
	c := cluster.Connect(t)
	if out, err := helm(t.Context(), "status", controllerName); err == nil {
		t.Fatalf("the product is there already; make newcomer starts a cluster without it:\n%s", out)
	}
	text, err := os.ReadFile(filepath.Join(*root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "http://") + "/team"
	out, err := shell(t.Context(), "set -x\n"+pages.Script(string(text)), "REGISTRY="+address)
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range c.Pods(t, controllers, controllerPods) {
		if image := pod.Spec.Containers[0].Image; !strings.HasPrefix(image, address+"/inference-gateway:") {
			t.Errorf("Pod %s runs %s", pod.Name, image)
		}
	}
	c.GatewayReady(t, "http-basic", "web")
	t.Run("http-basic", exampleHTTP)
	t.Run("http-scale-from-zero", scalingExamples["http-scale-from-zero"])
}
