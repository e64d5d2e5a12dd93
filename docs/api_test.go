package docs_test

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/internal/golden"
)

const apiPage = "api.md"

// kubernetesOwn are fields whose type is one of Kubernetes, with its name there: the page does not repeat them.
var kubernetesOwn = map[string]string{
	"metadata":                 "ObjectMeta",
	"spec.autoscaling.metrics": "autoscaling/v2 MetricSpec",
	"spec.envoy.resources":     "core/v1 ResourceRequirements",
	"status.conditions":        "meta/v1 Condition",
}

// The page of the API says of each field what the CRDs say. `GOLDEN=update go test ./docs -run TestPageOfTheAPI` writes it.
func TestPageOfTheAPI(t *testing.T) {
	definitions := readDefinitions(t)
	if len(definitions) < 2 {
		t.Fatalf("%d CRDs below charts", len(definitions))
	}
	want := apiReference(definitions)
	if golden.Updating() {
		if err := os.WriteFile(apiPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	is, err := os.ReadFile(apiPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(is), want); diff != "" {
		t.Errorf("docs/%s is not what the CRDs say (GOLDEN=update writes it; - page, + now):\n%s", apiPage, diff)
	}
}

// readDefinitions reads the product's CRDs, in the order of their kinds.
func readDefinitions(t *testing.T) []apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	var found []apiextensionsv1.CustomResourceDefinition
	err := filepath.WalkDir(filepath.Join(root, "charts"), func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasPrefix(filepath.Base(name), "gateway.kedify.io_") {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var definition apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(text, &definition); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		found = append(found, definition)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(found, func(a, b apiextensionsv1.CustomResourceDefinition) int {
		return cmp.Compare(a.Spec.Names.Kind, b.Spec.Names.Kind)
	})
	return found
}

func apiReference(definitions []apiextensionsv1.CustomResourceDefinition) string {
	var page strings.Builder
	page.WriteString("# API reference\n\n" +
		"The kinds of the product, group `gateway.kedify.io`. A test makes this page from their CRDs. " +
		"A field is optional unless it says *required*.\n")
	for _, definition := range definitions {
		for _, version := range definition.Spec.Versions {
			schema := version.Schema.OpenAPIV3Schema
			fmt.Fprintf(&page, "\n## %s\n\n`%s/%s`, %s\n\n%s\n", definition.Spec.Names.Kind, definition.Spec.Group, version.Name,
				strings.ToLower(string(definition.Spec.Scope)), paragraph(schema.Description))
			for _, block := range []string{"spec", "status"} {
				part, ok := schema.Properties[block]
				if !ok {
					continue
				}
				fmt.Fprintf(&page, "\n### %s of %s\n\n%s\n\n| field | type | meaning |\n|---|---|---|\n",
					block, definition.Spec.Names.Kind, paragraph(lead(part)))
				writeFields(&page, block, part)
			}
		}
	}
	return page.String()
}

// lead is the description of a block with the rules that hold between its fields.
func lead(schema apiextensionsv1.JSONSchemaProps) string {
	return strings.TrimSpace(schema.Description + " " + rules(schema))
}

// writeFields writes a row for each field below path, parents before their children.
func writeFields(page *strings.Builder, path string, schema apiextensionsv1.JSONSchemaProps) {
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		field := schema.Properties[name]
		below := path + "." + name
		fmt.Fprintf(page, "| `%s` | %s | %s |\n", below, kindOf(below, field), cell(meaning(field, slices.Contains(schema.Required, name))))
		if _, ok := kubernetesOwn[below]; ok {
			continue
		}
		writeFields(page, below, field)
		if field.Items != nil && field.Items.Schema != nil {
			writeFields(page, below+"[]", *field.Items.Schema)
		}
		if field.AdditionalProperties != nil && field.AdditionalProperties.Schema != nil {
			writeFields(page, below+".*", *field.AdditionalProperties.Schema)
		}
	}
}

// kindOf is the type of a field in words.
func kindOf(path string, schema apiextensionsv1.JSONSchemaProps) string {
	element := schema
	prefix := ""
	switch {
	case schema.Items != nil && schema.Items.Schema != nil:
		prefix, element = "list of ", *schema.Items.Schema
	case schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil:
		prefix, element = "map of string to ", *schema.AdditionalProperties.Schema
	}
	kind := element.Type
	if element.Format != "" {
		kind = element.Format
	}
	if element.XIntOrString {
		kind = "integer or string"
	}
	if own, ok := kubernetesOwn[path]; ok {
		kind = own
	}
	return prefix + cmp.Or(kind, "any")
}

// meaning is the description of a field with what its schema asks of a value.
func meaning(field apiextensionsv1.JSONSchemaProps, required bool) string {
	var said []string
	if required {
		said = append(said, "*Required.*")
	}
	said = append(said, paragraph(field.Description), bounds(field), rules(field))
	said = slices.DeleteFunc(said, func(text string) bool { return text == "" })
	return strings.Join(said, " ")
}

func bounds(field apiextensionsv1.JSONSchemaProps) string {
	var said []string
	if len(field.Enum) > 0 {
		values := make([]string, len(field.Enum))
		for i, value := range field.Enum {
			values[i] = "`" + strings.Trim(string(value.Raw), `"`) + "`"
		}
		said = append(said, "One of "+strings.Join(values, ", ")+".")
	}
	if field.Default != nil {
		said = append(said, "Default `"+string(field.Default.Raw)+"`.")
	}
	said = append(said, limit("At least", field.Minimum), limit("At most", field.Maximum),
		count("At least", "characters", field.MinLength), count("At most", "characters", field.MaxLength),
		count("At least", "items", field.MinItems), count("At most", "items", field.MaxItems))
	if field.Pattern != "" && !field.XIntOrString { // that of a quantity, which Kubernetes describes
		said = append(said, "Matches `"+field.Pattern+"`.")
	}
	return strings.Join(slices.DeleteFunc(said, func(text string) bool { return text == "" }), " ")
}

func limit(word string, value *float64) string {
	if value == nil {
		return ""
	}
	return word + " " + strconv.FormatFloat(*value, 'f', -1, 64) + "."
}

func count(word, unit string, value *int64) string {
	if value == nil {
		return ""
	}
	return fmt.Sprintf("%s %d %s.", word, *value, unit)
}

// rules are the messages of the CEL rules of a schema.
func rules(schema apiextensionsv1.JSONSchemaProps) string {
	var said []string
	for _, rule := range schema.XValidations {
		said = append(said, "Rule: "+strings.TrimSuffix(rule.Message, ".")+".")
	}
	return strings.Join(said, " ")
}

// paragraph is a description in one line.
func paragraph(text string) string { return strings.Join(strings.Fields(text), " ") }

// cell is a text that does not end its column.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
