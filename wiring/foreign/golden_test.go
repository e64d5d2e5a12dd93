package foreign

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/internal/golden"
)

// scaled is the second document of a case: the backends that have wired Services.
type scaled struct {
	// Services and Pools as names, or as namespace/name outside of the object's namespace.
	Services []string `json:"services"`
	Pools    []string `json:"pools"`
}

// TestGolden shows what an object leads to, the patch that has it lead to wired Services, and the one
// that puts the original back, after which the spec is what it was.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", func(t *testing.T, c *golden.Case) []golden.Section {
		object, scaled := load(t, c.Input)
		rewriting := Rewrite(object, scaled.rename(object))
		wired := apply(t, object, rewriting)
		restoring := Restore(wired, keepNone)
		restored := apply(t, wired, restoring)
		if diff := cmp.Diff(encode(t, object.Object["spec"]), encode(t, restored.Object["spec"])); diff != "" {
			t.Errorf("the restored spec is another one (- before, + after):\n%s", diff)
		}
		if _, has := restored.GetAnnotations()[v1alpha1.OriginalBackendsAnnotation]; has {
			t.Error("the annotation stays")
		}
		return []golden.Section{
			{Name: "References", Body: text(t, listed(References(object)))},
			{Name: "Rewrite", Body: operations(t, rewriting)},
			{Name: "Restore", Body: operations(t, restoring)},
		}
	})
}

// line is a Reference as a person reads it.
type line struct {
	Pointer string   `json:"pointer"`
	Target  string   `json:"target"`
	Port    string   `json:"port,omitempty"`
	Hosts   []string `json:"hosts,omitempty"`
	Paths   []string `json:"paths,omitempty"` // none: every path
	TLS     bool     `json:"tls,omitempty"`
	Refused string   `json:"refused,omitempty"`
}

func listed(references []Reference) []line {
	lines := make([]line, len(references))
	for i, reference := range references {
		target := "Service "
		if reference.Target.Pool {
			target = "InferencePool "
		}
		lines[i] = line{
			reference.Pointer, target + reference.Target.Key.String(), "", reference.Hosts, pathTexts(reference.Paths),
			reference.TLS, reference.Refused,
		}
		if reference.Port != (intstr.IntOrString{}) {
			lines[i].Port = reference.Port.String()
		}
	}
	return lines
}

func pathTexts(paths []Path) []string {
	var texts []string
	for _, path := range paths {
		if path.Value != "/" || path.Kind == PathExact {
			texts = append(texts, strings.TrimSpace(string(path.Kind)+" "+path.Value))
		}
	}
	return texts
}

// rename gives the backends of a case wired Services.
func (s scaled) rename(object *unstructured.Unstructured) func(Reference) string {
	return func(reference Reference) string {
		key := reference.Target.Key.String()
		key = strings.TrimPrefix(key, object.GetNamespace()+"/")
		if reference.Target.Pool && slices.Contains(s.Pools, key) || !reference.Target.Pool && slices.Contains(s.Services, key) {
			return wiredName(reference.Target)
		}
		return ""
	}
}

func keepNone(types.NamespacedName) bool { return false }

// apply applies a patch with the library of the API server.
func apply(t testing.TB, object *unstructured.Unstructured, operations []Operation) *unstructured.Unstructured {
	t.Helper()
	if operations == nil {
		return object
	}
	patch, err := jsonpatch.DecodePatch([]byte(encode(t, operations)))
	if err != nil {
		t.Fatal(err)
	}
	data, err := patch.Apply([]byte(encode(t, object.Object)))
	if err != nil {
		t.Fatalf("%v: %s", err, encode(t, operations))
	}
	patched := &unstructured.Unstructured{}
	if err := patched.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return patched
}

func encode(t testing.TB, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// operations are written one in a line: JSON is YAML.
func operations(t testing.TB, all []Operation) string {
	t.Helper()
	lines := ""
	for _, operation := range all {
		lines += "- " + encode(t, operation) + "\n"
	}
	return lines
}

func load(t testing.TB, input []byte) (*unstructured.Unstructured, scaled) {
	t.Helper()
	documents := bytes.SplitN(input, []byte("\n---\n"), 2)
	var with scaled
	if len(documents) == 2 {
		if err := yaml.UnmarshalStrict(bytes.Replace(documents[1], []byte("kind: Scaled\n"), nil, 1), &with); err != nil {
			t.Fatal(err)
		}
	}
	return parse(t, documents[0]), with
}

func parse(t testing.TB, document []byte) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON(document)
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return object
}

func text(t testing.TB, value any) string {
	t.Helper()
	data, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
