package foreign

import (
	"bytes"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/internal/golden"
)

// scaled is the second document of a case: the backends that have wired Services.
type scaled struct {
	// Services and Pools as names, or as namespace/name outside of the object's namespace.
	Services []string `json:"services"`
	Pools    []string `json:"pools"`
}

// TestGolden shows what an object leads to.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", func(t *testing.T, c *golden.Case) []golden.Section {
		object, _ := load(t, c.Input)
		return []golden.Section{{Name: "References", Body: text(t, listed(References(object)))}}
	})
}

// line is a Reference as a person reads it.
type line struct {
	Pointer string   `json:"pointer"`
	Target  string   `json:"target"`
	Port    string   `json:"port,omitempty"`
	Hosts   []string `json:"hosts,omitempty"`
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
		lines[i] = line{reference.Pointer, target + reference.Target.Key.String(), "", reference.Hosts, reference.TLS, reference.Refused}
		if reference.Port != (intstr.IntOrString{}) {
			lines[i].Port = reference.Port.String()
		}
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
