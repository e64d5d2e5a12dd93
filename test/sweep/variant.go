package sweep

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Variant is a valid object of a kind with what it refers to: the start of its mutations.
type Variant struct {
	Kind Kind
	Name string
	// Subject is the object.
	Subject map[string]any
	// Others are the surroundings.
	Others []map[string]any
	// Places are where values are tried.
	Places []Place
}

func (v *Variant) String() string { return v.Kind.Name + "/" + v.Name }

// Material is what the certificates of all worlds are, as PEM.
type Material struct{ Certificate, Key, Authority []byte }

// surroundings is the file with what every world has.
const surroundings = "_surroundings.yaml"

// ReadVariants reads the valid objects below a folder. The API server takes all of them.
func ReadVariants(folder string, schemas Schemas, material Material) ([]*Variant, error) {
	shared, err := readDocuments(filepath.Join(folder, surroundings), material)
	if err != nil {
		return nil, err
	}
	var variants []*Variant
	for _, kind := range append(slices.Clone(Kinds), generatedKinds...) {
		files, err := filepath.Glob(filepath.Join(folder, strings.ToLower(kind.Name), "*.yaml"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			documents, err := readDocuments(file, material)
			if err != nil {
				return nil, err
			}
			v := &Variant{Kind: kind, Name: strings.TrimSuffix(filepath.Base(file), ".yaml"), Subject: documents[0]}
			v.Others = surround(documents, shared)
			if err := v.admit(schemas); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			v.Places = places(schemas[kind.Name], v.Subject, kind.below)
			variants = append(variants, v)
		}
	}
	return variants, nil
}

func readDocuments(file string, material Material) (documents []map[string]any, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		object := map[string]any{}
		if err := yaml.Unmarshal(document, &object, yaml.DisallowUnknownFields); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		documents = append(documents, material.fill(whole(object)).(map[string]any))
	}
	return documents, nil
}

// fill puts the material where its names stand.
func (m Material) fill(value any) any {
	return mapped(value, func(leaf any) any {
		switch leaf {
		case "CERTIFICATE":
			return base64.StdEncoding.EncodeToString(m.Certificate)
		case "KEY":
			return base64.StdEncoding.EncodeToString(m.Key)
		case "AUTHORITY":
			return string(m.Authority)
		}
		return leaf
	})
}

// whole makes numbers of YAML whole, as the API server reads them.
func whole(value any) any {
	return mapped(value, func(leaf any) any {
		if number, is := leaf.(float64); is && number == float64(int64(number)) {
			return int64(number)
		}
		return leaf
	})
}

// mapped changes the leaves of a value, in place.
func mapped(value any, change func(any) any) any {
	switch value := value.(type) {
	case map[string]any:
		for name := range value {
			value[name] = mapped(value[name], change)
		}
		return value
	case []any:
		for i := range value {
			value[i] = mapped(value[i], change)
		}
		return value
	}
	return change(value)
}

// surround returns the shared objects and those of a variant, which replace shared ones of their names.
func surround(documents, shared []map[string]any) (others []map[string]any) {
	for _, object := range shared {
		same := func(own map[string]any) bool { return identity(own) == identity(object) }
		if !slices.ContainsFunc(documents, same) {
			others = append(others, object)
		}
	}
	return append(others, documents[1:]...)
}

// identity is the kind and the name of an object; all are in one namespace.
func identity(object map[string]any) string {
	metadata, _ := object["metadata"].(map[string]any)
	return fmt.Sprint(object["kind"], "/", metadata["name"])
}

// admit has the API server take the subject and its surroundings, and sets its defaults.
func (v *Variant) admit(schemas Schemas) error {
	for _, object := range append([]map[string]any{v.Subject}, v.Others...) {
		if schema := schemas[fmt.Sprint(object["kind"])]; schema != nil {
			if err := schema.Admit(object); err != nil {
				return fmt.Errorf("%s: %w", identity(object), err)
			}
		}
	}
	return nil
}

// unsupported says that the product refuses the object as it is, by the name of what it does not support.
func (v *Variant) unsupported() bool { return strings.HasPrefix(v.Name, "unsupported") }
