package crds

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// keep has Helm leave an object in the cluster when the chart is uninstalled, or a switch turned off: with a CRD go
// all objects of its kind.
const keep = "helm.sh/resource-policy"

// templates writes the manifests that the pattern names as templates of a chart.
func templates(pattern, out string) error {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no CRDs in %s", pattern)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		text, err = template(text)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := os.WriteFile(filepath.Join(out, filepath.Base(file)), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// template is a manifest as a template of a chart: each object stays when it leaves the release. It is JSON with a
// line for each key: a quarter of YAML is indentation, which Helm's record of a release has to hold.
func template(manifest []byte) ([]byte, error) {
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), 4096)
	var out bytes.Buffer
	for {
		object := unstructured.Unstructured{}
		switch err := documents.Decode(&object.Object); {
		case errors.Is(err, io.EOF):
			return []byte(strings.ReplaceAll(out.String(), "{{", `{{ "{{" }}`)), nil
		case err != nil:
			return nil, err
		case len(object.Object) == 0:
			continue
		}
		annotations := object.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[keep] = "keep"
		object.SetAnnotations(annotations)
		var line bytes.Buffer
		encoder := json.NewEncoder(&line)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(object.Object); err != nil {
			return nil, err
		}
		out.WriteString("---\n")
		if err := json.Indent(&out, line.Bytes(), "", ""); err != nil {
			return nil, err
		}
	}
}
