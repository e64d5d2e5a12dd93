package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/hack/testbed/build"
)

var versionRow = regexp.MustCompile(`(?m)^\| ([^|]+) \| (\d+\.\d+\.\d+) \|`)

// TestCompatibilityIsWhatIsBuilt compares the versions of the page with those of go.mod files, of the testbed and of the chart.
func TestCompatibilityIsWhatIsBuilt(t *testing.T) {
	text, err := os.ReadFile("compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, row := range versionRow.FindAllStringSubmatch(string(text), -1) {
		said[row[1]] = row[2]
	}
	const (
		product, suites, older = "go.mod", "conformance/go.mod", "conformance/v1.6.mod"

		gatewayAPI = "sigs.k8s.io/gateway-api"
		pools      = "sigs.k8s.io/gateway-api-inference-extension"
		envoyAPI   = "github.com/envoyproxy/go-control-plane/envoy"
	)
	client := "1" + strings.TrimPrefix(required(t, product, "k8s.io/api"), "0") // v0.X.Y is of Kubernetes 1.X.Y
	for part, sources := range map[string]map[string]string{
		"Kubernetes":          {"testbed": component(t, "kubernetes"), product: client},
		"Kubernetes, oldest":  {"kubeVersion of the chart": kubernetesOfChart(t)},
		"Gateway API":         {product: required(t, product, gatewayAPI), suites: required(t, suites, gatewayAPI+"/conformance")},
		"Gateway API, older":  {older: required(t, older, gatewayAPI+"/conformance")},
		"Inference Extension": {product: required(t, product, pools), suites: required(t, suites, pools+"/conformance")},
		"KEDA":                {"testbed": component(t, "keda"), product: required(t, product, "github.com/kedacore/keda/v2")},
		"Envoy":               {"testbed": component(t, "envoy"), "chart": envoyOfChart(t), product: required(t, product, envoyAPI)},
		"Go, to build it":     {"toolchain of " + product: toolchain(t, product)},
	} {
		for source, version := range sources {
			if said[part] != version {
				t.Errorf("%s: the page says %q, %s has %s", part, said[part], source, version)
			}
		}
		delete(said, part)
	}
	for part, version := range said {
		t.Errorf("nothing is compared with %s %s", part, version)
	}
}

func component(t *testing.T, name string) string {
	t.Helper()
	found, err := build.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return found.Version
}

func readModule(t *testing.T, name string) *modfile.File {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse(name, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// required is the version of a module that a go.mod file asks for, without its v.
func required(t *testing.T, file, module string) string {
	t.Helper()
	for _, require := range readModule(t, file).Require {
		if require.Mod.Path == module {
			return strings.TrimPrefix(require.Mod.Version, "v")
		}
	}
	t.Fatalf("%s requires no %s", file, module)
	return ""
}

func toolchain(t *testing.T, file string) string {
	t.Helper()
	return strings.TrimPrefix(readModule(t, file).Toolchain.Name, "go")
}

func kubernetesOfChart(t *testing.T) string {
	t.Helper()
	var chart struct {
		KubeVersion string `json:"kubeVersion"`
	}
	readChart(t, "Chart.yaml", &chart)
	return strings.TrimSuffix(strings.TrimPrefix(chart.KubeVersion, ">="), "-0")
}

func envoyOfChart(t *testing.T) string {
	t.Helper()
	var values struct {
		Envoy struct{ Image string } `json:"envoy"`
	}
	readChart(t, "values.yaml", &values)
	return values.Envoy.Image[strings.LastIndex(values.Envoy.Image, "-v")+2:]
}

func readChart(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "charts", "kedify-gateway", file))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// The changelog begins with the version that is to be released next: that of the chart.
func TestChangelogIsOfTheNextRelease(t *testing.T) {
	var chart struct{ Version string }
	readChart(t, "Chart.yaml", &chart)
	text, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		t.Fatal(err)
	}
	first := regexp.MustCompile(`(?m)^## \[([^\]]+)\] - (unreleased|\d{4}-\d\d-\d\d)$`).FindSubmatch(text)
	if first == nil || string(first[1]) != chart.Version {
		t.Errorf("it begins with %s, the chart is of %s", first, chart.Version)
	}
}
