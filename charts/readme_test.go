package charts_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/kedify/inference-gateway/internal/golden"
)

// TestReadmesListTheValues: the README of a chart ends with a table of its values, made of the comments in values.yaml.
// GOLDEN=update writes it. Every value has a comment.
func TestReadmesListTheValues(t *testing.T) {
	const heading = "\n## Values\n\n"
	for _, chart := range []string{"kedify-gateway", "kedify-gateway-crds"} {
		text, err := os.ReadFile(filepath.Join(chart, "values.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var document yaml.Node
		if err := yaml.Unmarshal(text, &document); err != nil {
			t.Fatal(err)
		}
		table := valueTable{T: t, rows: []string{"| value | default | |", "|---|---|---|"}}
		table.list(document.Content[0], "")
		want := strings.Join(table.rows, "\n") + "\n"
		name := filepath.Join(chart, "README.md")
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		head, got, found := strings.Cut(string(page), heading)
		if !found {
			t.Fatalf("%s has no section Values", name)
		}
		if golden.Updating() {
			if err := os.WriteFile(name, []byte(head+heading+want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s is not what GOLDEN=update makes of values.yaml (- made, + there):\n%s", name, diff)
		}
	}
}

// valueTable is a table in Markdown.
type valueTable struct {
	*testing.T
	rows []string
}

// list adds the values of a block. A block that says of its own values what they are has a row for each of them.
func (v *valueTable) list(block *yaml.Node, prefix string) {
	for i := 0; i+1 < len(block.Content); i += 2 {
		key, value := block.Content[i], block.Content[i+1]
		path, comment := prefix+key.Value, oneLine(key.HeadComment)
		if told(value) {
			if comment != "" {
				v.rows = append(v.rows, fmt.Sprintf("| **`%s`** | | %s |", path, comment))
			}
			v.list(value, path+".")
			continue
		}
		if comment == "" {
			v.Errorf("%s has no comment in values.yaml", path)
		}
		v.rows = append(v.rows, fmt.Sprintf("| `%s` | %s | %s |", path, v.code(value), comment))
	}
}

// told reports whether a value is a block with a comment on a value in it, or below.
func told(value *yaml.Node) bool {
	if value.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(value.Content); i += 2 {
		if value.Content[i].HeadComment != "" || told(value.Content[i+1]) {
			return true
		}
	}
	return false
}

// oneLine is a comment as one line of Markdown.
func oneLine(comment string) string {
	lines := strings.Split(comment, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(strings.TrimPrefix(lines[i], "#"), " ")
	}
	return strings.ReplaceAll(strings.Join(lines, " "), "|", `\|`)
}

// code is a default; what is empty has none.
func (v *valueTable) code(value *yaml.Node) string {
	var decoded any
	if err := value.Decode(&decoded); err != nil {
		v.Fatal(err)
	}
	text, err := json.Marshal(decoded)
	if err != nil {
		v.Fatal(err)
	}
	switch unquoted := strings.Trim(string(text), `"`); unquoted {
	case "", "null", "{}", "[]":
		return ""
	default:
		return "`" + strings.ReplaceAll(unquoted, "|", `\|`) + "`"
	}
}
