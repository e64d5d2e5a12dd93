// Package valuesets has values of installations, for the tests of the chart and those on a cluster.
package valuesets

import (
	"bytes"
	_ "embed" // the file beside this one
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"
)

//go:embed values.yaml
var values []byte

// Set is the values of one installation.
type Set struct {
	Name string
	// Values is YAML, for a file that Helm reads.
	Values string
}

// Read reads values.yaml.
func Read() ([]Set, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(values), 4096)
	var sets []Set
	for {
		var document struct {
			Name   string
			Values map[string]any
		}
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			return sets, nil
		} else if err != nil {
			return nil, fmt.Errorf("values.yaml, after %d sets: %w", len(sets), err)
		}
		text, err := sigsyaml.Marshal(document.Values)
		if err != nil {
			return nil, err
		}
		sets = append(sets, Set{Name: document.Name, Values: string(text)})
	}
}
