package migrate

import (
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// Print writes a YAML document: the notes as comments, then the ScaledObject.
func (r Result) Print(out io.Writer) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(r.ScaledObject)
	if err != nil {
		return fmt.Errorf("print a ScaledObject: %w", err)
	}
	delete(content, "status")
	if metadata, ok := content["metadata"].(map[string]any); ok {
		delete(metadata, "creationTimestamp")
	}
	text, err := yaml.Marshal(content)
	if err != nil {
		return fmt.Errorf("print a ScaledObject: %w", err)
	}
	var notes strings.Builder
	for _, note := range r.Notes {
		fmt.Fprintf(&notes, "# %s.\n", strings.TrimSuffix(note, "."))
	}
	_, err = fmt.Fprintf(out, "---\n%s%s", notes.String(), text)
	return err
}
