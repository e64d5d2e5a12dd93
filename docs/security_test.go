package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const securityPage = "docs/security.md"

var (
	surfacePart  = regexp.MustCompile(`(?s)<!-- surface -->\n(.*)<!-- end of surface -->`)
	surfaceRow   = regexp.MustCompile("(?m)^\\| .+ \\| .+ \\| `([\\w/]+)` `(Fuzz\\w+)` \\|$")
	fuzzFunction = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(f \*testing\.F\)`)
)

// The page lists every fuzz target of the product, and each that it lists exists: a reader of foreign input that gets a
// target gets a row, and a row is a promise.
func TestAttackSurfaceIsListed(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, securityPage))
	if err != nil {
		t.Fatal(err)
	}
	part := surfacePart.FindStringSubmatch(string(text))
	if part == nil {
		t.Fatalf("%s has no table", securityPage)
	}
	var listed []string
	for _, row := range surfaceRow.FindAllStringSubmatch(part[1], -1) {
		listed = append(listed, row[1]+" "+row[2])
	}
	targets := fuzzTargets(t)
	for _, target := range targets {
		if !slices.Contains(listed, target) {
			t.Errorf("%s has no row for %s", securityPage, target)
		}
	}
	for _, target := range listed {
		if !slices.Contains(targets, target) {
			t.Errorf("%s names %s, which does not exist", securityPage, target)
		}
	}
	if rows := strings.Count(part[1], "\n| ") - 1; rows != len(listed) {
		t.Errorf("%d rows, of which %d name a target", rows, len(listed))
	}
}

// fuzzTargets are "folder name" of all in the product.
func fuzzTargets(t *testing.T) (targets []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", ".testbed", "bin", "out", "hack", "test", "bench", "conformance"}, entry.Name()) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(name))
		for _, found := range fuzzFunction.FindAllStringSubmatch(string(source), -1) {
			targets = append(targets, filepath.ToSlash(folder)+" "+found[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return targets
}
