package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kedify/inference-gateway/internal/golden"
	"github.com/kedify/inference-gateway/test/pages"
)

// The list of commands that no test runs is the end of a page, after these lines.
const (
	unrunPage  = root + "/test/README.md"
	unrunTable = "| page | first command | why |\n|---|---|---|\n"
)

// Each command that README and docs/ tell a user to run is run by the test that the page names, or is marked with the
// reason and in the list of test/README.md, which `GOLDEN=update go test ./docs` writes.
func TestCommandsAreRunOrListed(t *testing.T) {
	tree := readTree(t)
	var unrun []string
	for _, page := range userPages(t) {
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		test, _, _ := strings.Cut(pages.Test(string(text)), "/")
		if test != "" && !tree.tests[test] {
			t.Errorf("%s names %s, which is no test", page, test)
		}
		for _, block := range pages.Blocks(string(text)) {
			switch {
			case block.NotRun != "":
				unrun = append(unrun, fmt.Sprintf("| `%s` | `%s` | %s |", page, strings.ReplaceAll(block.First(), "|", `\|`), block.NotRun))
			case test == "":
				t.Errorf("%s:%d: no test runs these commands, and no comment says why", page, block.Line)
			}
		}
	}
	head, listed := listOfUnrun(t)
	if golden.Updating() {
		if err := os.WriteFile(unrunPage, []byte(head+unrunTable+strings.Join(unrun, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := unrunTable + strings.Join(unrun, "\n") + "\n"; listed != want {
		t.Errorf("%s is not what the pages say (GOLDEN=update writes it; - list, + pages):\n%s", unrunPage, cmp.Diff(listed, want))
	}
}

// userPages are README and the pages of docs/, in the order of their names.
func userPages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for i := range found {
		found[i] = "docs/" + found[i]
	}
	return append([]string{"README.md"}, found...)
}

// listOfUnrun is test/README.md up to its table, and the table.
func listOfUnrun(t *testing.T) (head, table string) {
	t.Helper()
	text, err := os.ReadFile(unrunPage)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(text), unrunTable)
	if at < 0 {
		t.Fatalf("%s has no table that begins\n%s", unrunPage, unrunTable)
	}
	return string(text[:at]), string(text[at:])
}
