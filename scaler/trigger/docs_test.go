package trigger

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/internal/golden"
)

const parametersPage = "../../docs/kedify-http-parameters.md"

var generatedPart = regexp.MustCompile(`(?s)(<!-- parameters:.*?-->\n).*?(<!-- end of parameters -->\n)`)

func page(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(parametersPage)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestParametersPage: the tables of the page are the table of keys.
func TestParametersPage(t *testing.T) {
	text := page(t)
	parts := generatedPart.FindSubmatchIndex(text)
	if parts == nil {
		t.Fatal("the page has no place for the parameters")
	}
	want := string(text[:parts[3]]) + tables() + string(text[parts[4]:])
	if golden.Updating() {
		if err := os.WriteFile(parametersPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(text), want); diff != "" {
		t.Errorf("%s (- file, + now); GOLDEN=update rewrites it:\n%s", parametersPage, diff)
	}
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
			name += " *ours*"
		}
		if key.Default != "" {
			otherwise = "`" + key.Default + "`"
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", name, key.Values, otherwise, key.Meaning)
	}
	return out.String() + "\n"
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
