package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/hack/install/crds"
	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/e2e/internal/load"
	"github.com/kedify/inference-gateway/test/pages"
)

const upgradeYAML = gatewayYAML + `---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: upgrade}
spec:
  parentRefs: [{name: web}]
  hostnames: [upgrade.test]
  rules:
  - backendRefs: [{name: a, port: 80}]
`

// TestUpgrade gives the cluster the chart of the version before, with CRDs as its page had them installed, and follows
// docs/install.md word by word to this version, back, and to this version again, under traffic that notices nothing.
// What Helm installs is then what the cluster has: the controllers leave no difference for tools that compare.
func TestUpgrade(t *testing.T) {
	c := cluster.Connect(t)
	previous := previousChart(t)
	page := newPage(t)
	namespace := c.Namespace(t)
	c.Apply(t, namespace, upgradeYAML+"---"+render(t, echoYAML, echo{Name: "a", Replicas: 1, Unprobed: true}))
	c.DeploymentsReady(t, namespace)
	address := c.GatewayReady(t, namespace, "web")
	probe(t, address, "upgrade.test", "/")
	values := knownTo(t, previous)
	t.Cleanup(keepValues(t)) // the other tests need it
	traffic := load.Start(t, load.Options{
		Address: address + ":80", Workers: 4, Pause: 2 * time.Millisecond, Requests: []load.Request{{Host: "upgrade.test", Path: "/"}},
	})

	page.disown(t, previous)
	_, err := helm(t.Context(), "upgrade", "--install", controllerName, previous, "--values", values, "--wait", "--timeout", "3m")
	if err != nil {
		t.Fatal(err)
	}
	before := manifest(t)
	page.follow(t, "adopt")
	page.adopted(t)
	page.follow(t, "upgrade")
	after := manifest(t)
	if after == before {
		t.Error("the upgrade changed nothing")
	}
	page.follow(t, "rollback")
	if manifest(t) != before {
		t.Error("the rollback did not bring the version before")
	}
	page.follow(t, "upgrade")
	if manifest(t) != after {
		t.Error("the second upgrade is another one than the first")
	}
	c.DeploymentReady(t, controllers, controllerName)
	page.noDrift(t, c, after)
	traffic.MustBeClean(t, 500)
}

// previousChart is the chart of the version before: charts/previous.tgz, which `make previous-chart` writes. The binary of this tree
// runs with its roles.
func previousChart(t *testing.T) string {
	t.Helper()
	out := t.TempDir()
	archive := filepath.Join(*root, "charts", "previous.tgz")
	if _, err := shell(t.Context(), `tar -xzf "$ARCHIVE" -C "$OUT"`, "ARCHIVE="+archive, "OUT="+out); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(out, "charts", "kedify-gateway")
}

// knownTo is a file with the values of the installation that the chart knows.
func knownTo(t *testing.T, chart string) string {
	t.Helper()
	has, knows := map[string]any{}, map[string]any{}
	out, err := helm(t.Context(), "get", "values", controllerName, "--output", "yaml")
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := os.ReadFile(filepath.Join(chart, "values.yaml"))
	if err := errors.Join(err, yaml.Unmarshal(out, &has), yaml.Unmarshal(defaults, &knows)); err != nil {
		t.Fatal(err)
	}
	for key := range has {
		if _, known := knows[key]; !known {
			delete(has, key)
		}
	}
	text, err := yaml.Marshal(has)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// manifest is what Helm says that it installed.
func manifest(t *testing.T) string {
	t.Helper()
	text, err := helm(t.Context(), "get", "manifest", controllerName)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// commands are the blocks of docs/install.md that a comment above gives a name.
type commands struct {
	blocks map[string]string
	charts string // the folder that the page calls CHARTS
}

func newPage(t *testing.T) commands {
	t.Helper()
	page := commands{blocks: namedBlocks(t, "install.md"), charts: t.TempDir()}
	err := errors.Join(
		crds.Write(t.Context(), *root, filepath.Join(page.charts, crds.Name), crds.Current),
		os.CopyFS(filepath.Join(page.charts, controllerName), os.DirFS(filepath.Join(*root, "charts", controllerName))),
	)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// namedBlocks are the commands of a page of docs/ by their names. Each that a test runs has one.
func namedBlocks(t *testing.T, page string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(*root, "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string]string{}
	for _, block := range pages.Blocks(string(text)) {
		switch {
		case block.Name != "":
			blocks[block.Name] = block.Code
		case block.NotRun == "":
			t.Errorf("line %d: commands without a name: no test runs them", block.Line)
		}
	}
	return blocks
}

// follow runs a block of the page as it is.
func (p commands) follow(t *testing.T, name string) {
	t.Helper()
	block, has := p.blocks[name]
	if !has {
		t.Fatalf("the page has no commands called %s", name)
	}
	begun := time.Now()
	if out, err := p.run(t, block); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	t.Logf("%s took %s", name, time.Since(begun).Round(100*time.Millisecond))
}

func (p commands) run(t *testing.T, script string) (string, error) {
	t.Helper()
	return shell(t.Context(), script, "CHARTS="+p.charts, "VERSION=")
}

// shell runs a script in the clone, with the Helm that is pinned.
func shell(ctx context.Context, script string, variables ...string) (string, error) {
	bin, err := filepath.Abs(filepath.Join(*root, "bin"))
	if err != nil {
		return "", err
	}
	command := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	command.Dir = *root
	command.Env = append(os.Environ(), append(variables, "PATH="+bin+":"+os.Getenv("PATH"))...)
	out, err := command.CombinedOutput()
	if err != nil {
		err = errors.Join(err, errors.New(string(bytes.TrimSpace(out))))
	}
	return string(out), err
}

// disown makes the CRDs what they are without their chart: those of the product from the folder crds of the chart before,
// where a description differs, and the others from kubectl.
func (p commands) disown(t *testing.T, previous string) {
	t.Helper()
	const script = `
		CHANNEL=$(kubectl get crd gateways.gateway.networking.k8s.io \
		  -o jsonpath='{.metadata.annotations.gateway\.networking\.k8s\.io/channel}')
		if helm status kedify-gateway-crds --namespace kedify-system >/dev/null 2>&1; then
		  helm uninstall kedify-gateway-crds --namespace kedify-system
		fi
		helm template kedify-gateway-crds $CHARTS/kedify-gateway-crds \
		  --set gatewayAPI.standard=false --set gatewayAPI.$CHANNEL=true >$CHARTS/crds.yaml
		kubectl apply --server-side --force-conflicts -f $CHARTS/crds.yaml
		for PART in label annotate; do
		  kubectl $PART -f $CHARTS/crds.yaml app.kubernetes.io/managed-by- \
		    $([ $PART = label ] || echo meta.helm.sh/release-name- meta.helm.sh/release-namespace- helm.sh/resource-policy-)
		done
		kubectl apply --server-side --force-conflicts --field-manager=helm -f "$PREVIOUS/crds"
		for KIND in gatewayparameters httpscalers; do
		  kubectl patch crd $KIND.gateway.kedify.io --type=json --field-manager=helm -p '[{"op": "replace",
		    "path": "/spec/versions/0/schema/openAPIV3Schema/description", "value": "of before"}]'
		done`
	if out, err := shell(t.Context(), script, "CHARTS="+p.charts, "PREVIOUS="+previous); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// adopted wants all CRDs of the chart to belong to its release, and to be those of this version.
func (p commands) adopted(t *testing.T) {
	t.Helper()
	out, err := p.run(t, `kubectl get -f $CHARTS/crds.yaml -o jsonpath='{range .items[*]}`+
		`{.metadata.name} {.metadata.annotations.meta\.helm\.sh/release-name} {.metadata.annotations.helm\.sh/resource-policy}{"\n"}{end}'`)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for _, line := range lines {
		if !strings.HasSuffix(line, " kedify-gateway-crds keep") {
			t.Errorf("not of the release, or goes with it: %s", line)
		}
	}
	if len(lines) < 10 {
		t.Errorf("%d objects:\n%s", len(lines), out)
	}
	out, err = p.run(t, "kubectl get crd httpscalers.gateway.kedify.io gatewayparameters.gateway.kedify.io -o yaml")
	if err != nil || strings.Contains(out, "of before") {
		t.Errorf("the CRDs of the product are still those of before: %v", err)
	}
}

// noDrift wants the webhooks to have their CA, and the cluster to be what the manifest says.
func (p commands) noDrift(t *testing.T, c *cluster.Cluster, manifest string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.charts, "manifest.yaml"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	configurations := c.Clients.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	webhooks, err := configurations.Get(t.Context(), controllerName, metav1.GetOptions{})
	if err != nil || !hasCA(webhooks) {
		t.Errorf("the webhooks have no CA: %v", err)
	}
	cluster.Eventually(t, time.Minute, func() error { // kubectl reads twice, and Pods of before may end in between
		out, err := p.run(t, "kubectl diff --server-side --force-conflicts --field-manager=drift -f $CHARTS/manifest.yaml")
		if err != nil {
			return fmt.Errorf("the cluster is not what Helm installed: %w\n%s", err, out)
		}
		return nil
	})
}

func hasCA(webhooks *admissionregistrationv1.ValidatingWebhookConfiguration) bool {
	for _, webhook := range webhooks.Webhooks {
		if len(webhook.ClientConfig.CABundle) == 0 {
			return false
		}
	}
	return len(webhooks.Webhooks) > 0
}
