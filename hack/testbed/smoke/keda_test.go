package smoke

import (
	_ "embed"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

//go:embed keda.yaml
var kedaObjects string

// withKEDA skips where KEDA is not installed: it is no part of a cluster, not
// even of one with profile keda.
func withKEDA(t *testing.T) {
	inside(t)
	if err := exec.Command("kubectl", "get", "crd", "scaledobjects.keda.sh").Run(); err != nil {
		t.Skip("KEDA is not installed (bin/install -keda)")
	}
}

// applyKEDA returns what kubectl said.
func applyKEDA(manifest string, args ...string) (string, error) {
	cmd := exec.Command("kubectl", append([]string{"apply", "--filename=-"}, args...)...)
	cmd.Stdin = strings.NewReader(manifest)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestKEDAScalesFromZeroAndBack(t *testing.T) {
	withKEDA(t)
	if out, err := applyKEDA(kedaObjects); err != nil {
		t.Fatal(out)
	}
	t.Cleanup(func() { kubectl(t, "delete", "scaledobject/scaled", "deployment/scaled", "--ignore-not-found") })
	ready := func(want string) func() error {
		return func() error {
			got := kubectl(t, "get", "deployment", "scaled", "-o", "jsonpath={.spec.replicas} {.status.readyReplicas}")
			if strings.TrimSpace(got) != want {
				return fmt.Errorf("replicas wanted and ready: %s", got)
			}
			return nil
		}
	}
	gomega.NewWithT(t).Eventually(ready("2 2")).Should(gomega.Succeed(), "both replicas")
	kubectl(t, "wait", "--for=condition=Ready", "scaledobject/scaled", "--timeout=30s")

	name := kubectl(t, "get", "scaledobject", "scaled", "-o", "jsonpath={.status.externalMetricNames[0]}")
	value := kubectl(t, "get", "--raw", "/apis/external.metrics.k8s.io/v1beta1/namespaces/smoke/"+name+
		"?labelSelector=scaledobject.keda.sh%2Fname%3Dscaled")
	if !strings.Contains(value, `"value":"2"`) {
		t.Errorf("metrics API: %s", value)
	}

	// The window of the cron trigger moves to one minute of 29 February, so that it is closed now.
	kubectl(t, "patch", "scaledobject", "scaled", "--type=json", "--patch",
		`[{"op": "replace", "path": "/spec/triggers/0/metadata/start", "value": "0 0 29 2 *"},
		  {"op": "replace", "path": "/spec/triggers/0/metadata/end", "value": "1 0 29 2 *"}]`)
	gomega.NewWithT(t).Eventually(ready("0")).Should(gomega.Succeed(), "none again")
}

func TestKEDAsWebhookRefuses(t *testing.T) {
	withKEDA(t)
	wrong := strings.ReplaceAll(kedaObjects, "maxReplicaCount: 3", "maxReplicaCount: 3\n  idleReplicaCount: 3")
	if out, err := applyKEDA(wrong, "--dry-run=server"); err == nil || !strings.Contains(out, "vscaledobject.kb.io") {
		t.Errorf("%v, %s", err, out)
	}
}
