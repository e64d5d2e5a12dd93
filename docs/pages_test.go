// Package docs_test holds the pages and comments of the repository to what the tree contains.
package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// root is the folder of the repository, seen from this package.
const root = ".."

// prose is one text that people read: a Markdown page, or the comments of one Go file.
type prose struct {
	path string // slash-separated, from the root
	text string
}

// tree is every file and folder of the repository, and all that people read in it.
type tree struct {
	paths map[string]bool
	tests map[string]bool
	prose []prose
	// declared are the names that a package declares, by the name of the package.
	declared map[string]map[string]bool
}

var testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)

// readTree reads the tree, or what an earlier test has read of it. No test changes it.
func readTree(t *testing.T) *tree {
	t.Helper()
	read, err := readOnce()
	if err != nil {
		t.Fatal(err)
	}
	return read
}

var readOnce = sync.OnceValues(func() (*tree, error) {
	read := &tree{paths: map[string]bool{}, tests: map[string]bool{}, declared: map[string]map[string]bool{}}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		slash := filepath.ToSlash(relative)
		if entry.IsDir() && slices.Contains([]string{".git", ".testbed", "bin", "out"}, slash) {
			return filepath.SkipDir
		}
		read.paths[slash] = true
		return read.add(name, slash)
	})
	return read, err
})

func (r *tree) add(name, slash string) error {
	switch path.Ext(slash) {
	case ".md":
		text, err := os.ReadFile(name)
		r.prose = append(r.prose, prose{slash, string(text)})
		return err
	case ".go":
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, found := range testFunction.FindAllStringSubmatch(string(source), -1) {
			r.tests[found[1]] = true
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		r.declare(file)
		var comments strings.Builder
		for _, group := range file.Comments {
			comments.WriteString(group.Text() + "\n")
		}
		r.prose = append(r.prose, prose{slash, comments.String()})
	}
	return nil
}

// declare adds the top-level names of a file.
func (r *tree) declare(file *ast.File) {
	names := r.declared[file.Name.Name]
	if names == nil {
		names = map[string]bool{}
		r.declared[file.Name.Name] = names
	}
	for _, declaration := range file.Decls {
		switch declaration := declaration.(type) {
		case *ast.FuncDecl:
			if declaration.Recv == nil {
				names[declaration.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, spec := range declaration.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					names[spec.Name.Name] = true
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						names[name.Name] = true
					}
				}
			}
		}
	}
}

// exists reports whether a path exists as it is written in a text: from the folder of the text,
// from one above it, or from the root.
func (r *tree) exists(from, name string) bool {
	name = strings.TrimSuffix(name, "/")
	for folder := path.Dir(from); ; folder = path.Dir(folder) {
		if r.paths[path.Join(folder, name)] {
			return true
		}
		if folder == "." {
			return false
		}
	}
}

// template is the form of the name of an ADR, not a page.
const template = "docs/adr/NNNN-title.md"

var page = regexp.MustCompile(`[\w./-]*\w\.md\b`)

// A page that a text names can be opened from a clone.
func TestNamedPagesExist(t *testing.T) {
	tree := readTree(t)
	for _, prose := range tree.prose {
		for _, at := range page.FindAllStringIndex(prose.text, -1) {
			name := prose.text[at[0]:at[1]]
			// Of an address, the expression may begin with its slashes or after them.
			if strings.HasPrefix(name, "//") || elsewhere(prose.text[:at[0]]) || name == template {
				continue
			}
			if !tree.exists(prose.path, name) {
				t.Errorf("%s names %s, which does not exist", prose.path, name)
			}
		}
	}
}

// elsewhere reports whether the text before a name makes it part of an address on the web.
func elsewhere(before string) bool {
	word := before[strings.LastIndexAny(before, " \n(<")+1:]
	return strings.Contains(word, "://")
}

var (
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	titles = regexp.MustCompile(`(?m)^#+ (.*)$`)
	inCode = regexp.MustCompile("`[^`\n]*`")
)

// A link of a page leads to a file of the repository, and its fragment to a heading of it.
func TestLinksLead(t *testing.T) {
	tree := readTree(t)
	headings := map[string][]string{}
	for _, prose := range tree.prose {
		for _, title := range titles.FindAllStringSubmatch(prose.text, -1) {
			headings[prose.path] = append(headings[prose.path], slug(title[1]))
		}
	}
	for _, prose := range tree.prose {
		if path.Ext(prose.path) != ".md" {
			continue
		}
		for _, found := range link.FindAllStringSubmatch(inCode.ReplaceAllString(prose.text, ""), -1) {
			if strings.Contains(found[1], "://") {
				continue
			}
			file, fragment, _ := strings.Cut(found[1], "#")
			target := prose.path
			if file != "" {
				target = path.Join(path.Dir(prose.path), file)
			}
			if !tree.paths[target] {
				t.Errorf("%s links to %s, which does not exist", prose.path, found[1])
			}
			if fragment != "" && !slices.Contains(headings[target], fragment) {
				t.Errorf("%s links to %s, which has no such heading", prose.path, found[1])
			}
		}
	}
}

var unslug = regexp.MustCompile(`[^a-z0-9 _-]`)

// slug is the fragment that a heading is linked by.
func slug(title string) string {
	return strings.ReplaceAll(unslug.ReplaceAllString(strings.ToLower(title), ""), " ", "-")
}

var (
	quoted = regexp.MustCompile("`([^`\n]+)`")
	isRule = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
	isTest = regexp.MustCompile(`^(Test|Fuzz|Benchmark)[A-Z]\w*$`)
	isMake = regexp.MustCompile(`^make ([a-z][a-z0-9-]*)`)
	isName = regexp.MustCompile(`^([a-z][a-z0-9]*)\.([A-Z]\w*)(\.\w+)*(\(\))?$`)
	isPath = regexp.MustCompile(`^[a-z][\w-]*(/[\w.-]+)+/?$`)
)

// What a page quotes as a test, a make target, a path of the tree or an exported name of one of its
// packages is one. Pages of decisions describe the tree of their day.
func TestQuotedNamesExist(t *testing.T) {
	tree := readTree(t)
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	targets := []string{}
	for _, found := range isRule.FindAllStringSubmatch(string(makefile), -1) {
		targets = append(targets, found[1])
	}
	for _, prose := range tree.prose {
		if path.Ext(prose.path) != ".md" || strings.HasPrefix(prose.path, "docs/adr/") {
			continue
		}
		for _, found := range quoted.FindAllStringSubmatch(prose.text, -1) {
			name := found[1]
			if name == template {
				continue
			}
			if isTest.MatchString(name) && !tree.tests[name] {
				t.Errorf("%s names the test %s, which does not exist", prose.path, name)
			}
			if command := isMake.FindStringSubmatch(name); command != nil && !slices.Contains(targets, command[1]) {
				t.Errorf("%s names make %s, which is no target", prose.path, command[1])
			}
			if parts := isName.FindStringSubmatch(name); parts != nil && tree.declared[parts[1]] != nil && !tree.declared[parts[1]][parts[2]] {
				t.Errorf("%s names %s, which package %s does not declare", prose.path, name, parts[1])
			}
			if isPath.MatchString(name) && tree.paths[name[:strings.Index(name, "/")]] && !tree.exists(prose.path, name) {
				t.Errorf("%s names %s, which does not exist", prose.path, name)
			}
		}
	}
}

var decision = regexp.MustCompile(`ADR (\d{4})`)

// A decision that a text refers to is recorded.
func TestNamedDecisionsExist(t *testing.T) {
	tree := readTree(t)
	recorded := map[string]bool{}
	for name := range tree.paths {
		if path.Dir(name) == "docs/adr" && len(path.Base(name)) > 4 {
			recorded[path.Base(name)[:4]] = true
		}
	}
	for _, prose := range tree.prose {
		for _, found := range decision.FindAllStringSubmatch(prose.text, -1) {
			if !recorded[found[1]] {
				t.Errorf("%s refers to ADR %s, which does not exist", prose.path, found[1])
			}
		}
	}
}

// TestPagesAreMerged finds what a merge left undecided on a page.
func TestPagesAreMerged(t *testing.T) {
	undecided := regexp.MustCompile(`(?m)^(<{7} |={7}$|>{7} ).*`)
	for _, text := range readTree(t).prose {
		if !strings.HasSuffix(text.path, ".md") {
			continue
		}
		if line := undecided.FindString(text.text); line != "" {
			t.Errorf("%s has the line %q of a merge", text.path, line)
		}
	}
}
