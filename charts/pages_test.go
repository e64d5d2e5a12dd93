package charts_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/xds/fields"
)

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPagesHaveGatewayParametersThatWork decodes the GatewayParameters on the pages strictly, and
// checks them as the controller does.
func TestPagesHaveGatewayParametersThatWork(t *testing.T) {
	count := 0
	for _, name := range []string{"install.md", "gateway.md"} {
		for _, block := range yamlBlock.FindAllStringSubmatch(page(t, name), -1) {
			if !strings.Contains(block[1], "kind: GatewayParameters\nmetadata") {
				continue
			}
			for _, object := range parametersIn(decode(t, block[1])) {
				count++
				if err := errors.Join(class.CheckParameters(object.Spec), class.CheckGatewayParameters(object.Spec)); err != nil {
					t.Errorf("%s: GatewayParameters %s: %v", name, object.Name, err)
				}
			}
		}
	}
	if count < 3 {
		t.Errorf("%d GatewayParameters", count)
	}
}

func parametersIn(objects []runtime.Object) (found []*v1alpha1.GatewayParameters) {
	for _, object := range objects {
		if parameters, ok := object.(*v1alpha1.GatewayParameters); ok {
			found = append(found, parameters)
		}
	}
	return found
}

// TestT62PagesHaveProxyValuesThatWork renders the chart with the values on the page.
func TestT62PagesHaveProxyValuesThatWork(t *testing.T) {
	count := 0
	for _, block := range yamlBlock.FindAllStringSubmatch(page(t, "install.md"), -1) {
		if !strings.HasPrefix(block[1], "kedifyProxy:") {
			continue
		}
		count++
		file := filepath.Join(t.TempDir(), "values.yaml")
		if err := os.WriteFile(file, []byte(block[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		text, err := template(t, "--values", file)
		if err != nil {
			t.Fatal(err)
		}
		if entries := proxyValues(t, text); entries["namespacedValues.shop"].Envoy == nil {
			t.Errorf("entries %+v", entries)
		}
	}
	if count == 0 {
		t.Error("the page has no values")
	}
}

// TestT62PageListsTheFieldsOfEnvoy: messages that refuse a field refer to the list on the page.
func TestT62PageListsTheFieldsOfEnvoy(t *testing.T) {
	_, section, found := strings.Cut(page(t, "gateway.md"), "\n### Fields of Envoy\n")
	if !found {
		t.Fatal("the section is missing")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for _, path := range append(fields.RoutePaths(), fields.ClusterPaths()...) {
		// A message is listed with its fields or, where all but a few may be set, as a whole.
		for _, name := range []string{path[strings.LastIndex(path, ".")+1:], strings.SplitN(path, ".", 2)[0]} {
			if strings.Contains(section, name) {
				path = ""
			}
		}
		if path != "" {
			t.Errorf("%s is not listed", path)
		}
	}
}
