package trigger

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/internal/golden"
)

const parametersPage = "../../docs/kedify-http-parameters.md"

// TestParametersPage: the tables of the page are the table of keys.
func TestParametersPage(t *testing.T) {
	golden.Page(t, parametersPage, "parameters", tables())
}

// tables are in Markdown, one per section.
func tables() string {
	var out strings.Builder
	section := ""
	for _, key := range Keys() {
		if key.Section != section {
			section = key.Section
			fmt.Fprintf(&out, "\n### %s\n\n", section)
			if key.Envoy {
				out.WriteString("Also for `kedify-envoy-http`.\n\n")
			}
			out.WriteString("| key | values | default | meaning |\n|---|---|---|---|\n")
		}
		name, otherwise := "`"+key.Name+"`", ""
		if key.Ours {
			name += " *added*"
		}
		if key.Default != "" {
			otherwise = "`" + key.Default + "`"
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", name, key.Values, otherwise, key.Meaning+readWith(key))
	}
	return out.String() + "\n"
}

// readWith says with which metrics a key has an effect; empty: with all.
func readWith(key Key) string {
	var names []string
	for _, kind := range key.Metrics {
		if served(kind) {
			names = append(names, "`"+string(kind)+"`")
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " Read with " + either(names) + " alone."
}

// TestEnvoySections: a section is for both types or for one, as the page says.
func TestEnvoySections(t *testing.T) {
	of := map[string]bool{}
	for _, key := range Keys() {
		if envoy, found := of[key.Section]; found && envoy != key.Envoy {
			t.Errorf("section %q is mixed at %q", key.Section, key.Name)
		}
		of[key.Section] = key.Envoy
	}
}
