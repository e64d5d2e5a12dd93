package offline_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/controllers"
	"github.com/kedify/inference-gateway/controllers/offline"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/internal/golden"
)

const scalerAddress = "kedify-gateway.kedify-system.svc.cluster.local:9090"

// TestGolden shows what files become: the generated objects, the statuses of all, and what is wrong.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", func(t *testing.T, c *golden.Case) []golden.Section {
		scheme := controllers.NewScheme()
		var objects offline.Objects
		if err := objects.Add(scheme, c.Input); err != nil {
			t.Fatal(err)
		}
		result, err := offline.Translate(scheme, objects, offline.Setting{Programmed: true, ScalerAddress: scalerAddress})
		if err != nil {
			t.Fatal(err)
		}
		for i := range result.Gateways {
			result.Gateways[i].Resources = nil // package translate has goldens of them
		}
		result.Statuses = slices.DeleteFunc(result.Statuses, func(u status.Update) bool { return u.Object.Kind == store.GatewayClass })
		var printed strings.Builder
		if err := result.Print(&printed); err != nil {
			t.Fatal(err)
		}
		problems := []string{}
		for _, problem := range result.Problems {
			problems = append(problems, problem.String())
		}
		text, err := yaml.Marshal(problems)
		if err != nil {
			t.Fatal(err)
		}
		return []golden.Section{{Name: "Result", Body: printed.String()}, {Name: "Problems", Body: string(text)}}
	})
}

// Several files, directories and standard input are one world.
func TestRead(t *testing.T) {
	directory := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("all/a.yaml",
		"kind: Service\napiVersion: v1\nmetadata: {name: a}\n---\n# nothing\n---\nkind: ServiceAccount\napiVersion: v1\nmetadata: {name: x}\n")
	write("all/deeper/b.json", `{"kind":"List","apiVersion":"v1","items":[{"kind":"Service","apiVersion":"v1","metadata":{"name":"b"}}]}`)
	write("all/notes.txt", "not YAML: [")
	file := write("c.txt",
		"kind: ScaledObject\napiVersion: keda.sh/v1alpha1\nmetadata: {name: c}\nspec: {scaleTargetRef: {name: c}, triggers: []}\n")
	scheme := controllers.NewScheme()
	objects, err := offline.Read(scheme, []string{filepath.Join(directory, "all"), "-", file},
		strings.NewReader("kind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata: {name: d}\n"))
	if err != nil {
		t.Fatal(err)
	}
	skipped := strings.Join(objects.Skipped, ",")
	if len(objects.Watched) != 2 || len(objects.ScaledObjects) != 1 || len(objects.Foreign) != 1 || skipped != "ServiceAccount" {
		t.Errorf("%d watched, %d ScaledObjects, %d foreign, skipped %v",
			len(objects.Watched), len(objects.ScaledObjects), len(objects.Foreign), objects.Skipped)
	}
	for name, text := range map[string]string{
		"a field that does not exist": "kind: Service\napiVersion: v1\nmetadata: {name: a}\nspec: {prots: []}\n",
		"no YAML":                     "kind: [",
		"no kind":                     "metadata: {name: a}\n",
	} {
		_, err := offline.Read(scheme, []string{"-"}, strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), "standard input: document 1") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzRead: a file with any content is read or refused.
func FuzzRead(f *testing.F) {
	for _, text := range []string{"", "---\n---\n", "kind: Service\napiVersion: v1\n", "kind: List\napiVersion: v1\nitems: [{}]\n", "{",
		"kind: Ingress\napiVersion: networking.k8s.io/v1\n"} {
		f.Add(text)
	}
	scheme := controllers.NewScheme()
	f.Fuzz(func(_ *testing.T, text string) {
		var objects offline.Objects
		if objects.Add(scheme, []byte(text)) != nil {
			return
		}
		_, _ = offline.Translate(scheme, objects, offline.Setting{})
	})
}
