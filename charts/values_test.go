package charts_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/charts/valuesets"
)

// TestValueSets renders the chart for installations of all kinds: Kubernetes knows each field, and no key is there twice.
func TestValueSets(t *testing.T) {
	sets, err := valuesets.Read()
	if err != nil {
		t.Fatal(err)
	}
	if len(sets) < 30 {
		t.Errorf("%d sets", len(sets))
	}
	for _, set := range sets {
		t.Run(set.Name, func(t *testing.T) {
			t.Parallel()
			objects := rendered(t, policies, "--values", file(t, set.Values))
			for _, object := range objects {
				if deployment, is := object.(*appsv1.Deployment); is {
					complete(t, deployment)
				}
			}
		})
	}
}

// file is a file with the text.
func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// complete fails the test when a flag of a container has no value but may not be empty.
func complete(t *testing.T, deployment *appsv1.Deployment) {
	t.Helper()
	for _, container := range deployment.Spec.Template.Spec.Containers {
		for _, argument := range container.Args {
			name, value, has := strings.Cut(argument, "=")
			if has && (value == "" || strings.Contains(value, "nil")) && name != "--admission-listen" {
				t.Errorf("%s has %q", deployment.Name, argument)
			}
		}
		if container.Image == "" || container.ImagePullPolicy == "" {
			t.Errorf("%s has image %q, pull policy %q", deployment.Name, container.Image, container.ImagePullPolicy)
		}
	}
}

// needs are the blocks without which there is no installation: null is refused, by name.
var needs = []string{"envoy", "envoy.image", "image", "image.repository"}

// TestNullIsNoPanic sets every value to null, which takes its default away: the chart is rendered as without it, and what
// it cannot do without is named.
func TestNullIsNoPanic(t *testing.T) {
	text, err := os.ReadFile("kedify-gateway/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	byDepth := pathsOf(values, "")
	if len(byDepth) < 3 {
		t.Fatalf("values of depths %d", len(byDepth))
	}
	for depth, paths := range byDepth {
		var arguments []string
		for _, path := range paths {
			if !slices.Contains(needs, path) {
				arguments = append(arguments, "--set", path+"=null")
			}
		}
		// Helm takes the whole block away when the last of its keys goes, so what is deep is also tried alone, below.
		for _, object := range rendered(t, arguments...) {
			if deployment, is := object.(*appsv1.Deployment); is {
				complete(t, deployment)
			}
		}
		t.Logf("depth %d: %d values", depth, len(paths))
	}
	for _, path := range needs {
		_, err := template(t, "--set", path+"=null")
		if name := path[strings.LastIndex(path, ".")+1:]; err == nil || !strings.Contains(err.Error(), "'"+name+"'") {
			t.Errorf("%s=null: %v", path, err)
		}
	}
}

// pathsOf are the paths of values, by their depth.
func pathsOf(values map[string]any, prefix string) [][]string {
	all := [][]string{nil}
	for key, value := range values {
		all[0] = append(all[0], prefix+strings.ReplaceAll(key, ".", `\.`))
		below, is := value.(map[string]any)
		if !is {
			continue
		}
		for depth, paths := range pathsOf(below, prefix+strings.ReplaceAll(key, ".", `\.`)+".") {
			if len(all) <= depth+1 {
				all = append(all, nil)
			}
			all[depth+1] = append(all[depth+1], paths...)
		}
	}
	return all
}

// TestEveryBlockAlone sets one block to null and leaves the others.
func TestEveryBlockAlone(t *testing.T) {
	for _, block := range []string{
		"gatewayClass", "gatewayParameters", "keda", "keda.tls", "externalEnvoys", "networkPolicy", "hold", "kedifyProxy", "autowire",
		"admission", "writePolicy", "rbac", "helmTest", "log", "resources", "serviceAccount", "metrics", "metrics.podMonitor",
		"tracing", "podSecurityContext", "securityContext",
	} {
		t.Run(block, func(t *testing.T) {
			t.Parallel()
			rendered(t, "--set", block+"=null")
		})
	}
}
