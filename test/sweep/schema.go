package sweep

import (
	"context"
	"fmt"
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// Schema is the version of a CRD that the API server stores, with the code that the API server checks
// objects with.
type Schema struct {
	Kind       string
	Structural *structuralschema.Structural

	values, statuses validation.SchemaValidator
	rules            *cel.Validator
}

// ReadSchema reads a CRD from a file.
func ReadSchema(path string) (*Schema, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(text, crd); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, version := range crd.Spec.Versions {
		if version.Storage {
			return newSchema(crd.Spec.Names.Kind, version.Schema.OpenAPIV3Schema)
		}
	}
	return nil, fmt.Errorf("%s: no version is stored", path)
}

func newSchema(kind string, written *apiextensionsv1.JSONSchemaProps) (*Schema, error) {
	props := &apiextensions.JSONSchemaProps{}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(written, props, nil); err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	structural, err := structuralschema.NewStructural(props)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	values, _, err := validation.NewSchemaValidator(props)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	alone := &apiextensions.JSONSchemaProps{
		Type: "object", Properties: map[string]apiextensions.JSONSchemaProps{"status": props.Properties["status"]},
	}
	statuses, _, err := validation.NewSchemaValidator(alone)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	return &Schema{
		Kind: kind, Structural: structural, values: values, statuses: statuses,
		rules: cel.NewValidator(structural, true, celconfig.PerCallLimit),
	}, nil
}

// Admit does what the API server does with a new object: it removes unknown fields, sets defaults, and
// refuses what the schema and its rules do not take.
func (s *Schema) Admit(object map[string]any) error {
	pruning.Prune(object, s.Structural, true)
	defaulting.PruneNonNullableNullsWithoutDefaults(object, s.Structural)
	defaulting.Default(object, s.Structural)
	errs := validation.ValidateCustomResource(nil, object, s.values)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, s.Structural, object)...)
	if len(errs) == 0 && s.rules != nil {
		var broken field.ErrorList
		broken, _ = s.rules.Validate(context.Background(), nil, s.Structural, object, nil, celconfig.RuntimeCELCostBudget)
		errs = append(errs, broken...)
	}
	return errs.ToAggregate()
}

// AdmitStatus does the same with a status alone.
func (s *Schema) AdmitStatus(status map[string]any) error {
	property, has := s.Structural.Properties["status"]
	if !has {
		return nil
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(status, &property)
	errs := validation.ValidateCustomResource(nil, map[string]any{"status": status}, s.statuses)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, &property, status)...)
	return errs.ToAggregate()
}
