package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAloneIsAlone: what is tested without the race detector starts no goroutine, neither itself nor by the means that tests
// have.
func TestAloneIsAlone(t *testing.T) {
	const root = "../.."
	files := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", ".testbed", "bin", "out"}, relative) {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" || !isAlone("/"+filepath.ToSlash(filepath.Dir(relative))) {
			return nil
		}
		files++
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, what := range concurrent(file) {
			t.Errorf("%s has %s: take its package out of the list of alone.go", relative, what)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Errorf("%d files: the list names other folders", files)
	}
}

// TestConcurrentIsSeen: the test above can fail.
func TestConcurrentIsSeen(t *testing.T) {
	for text, want := range map[string]int{
		`import "net/http/httptest"`:                             1,
		`import "google.golang.org/grpc"`:                        1,
		`func f() { go f() }`:                                    1,
		`func f() { t.Parallel() }`:                              1,
		`func f() { var running sync.WaitGroup; running.Go(f) }`: 1,
		`func f() { time.AfterFunc(0, f) }`:                      1,
		`func f() { g() }`:                                       0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\n"+text, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := concurrent(file); len(got) != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// concurrent lists what starts goroutines in a file.
func concurrent(file *ast.File) (found []string) {
	for _, imported := range file.Imports {
		path := strings.Trim(imported.Path.Value, `"`)
		for _, one := range []string{"net/http/httptest", "google.golang.org/grpc", "golang.org/x/sync", "xds/proxytest",
			"controllers/apitest", "testing/synctest"} {
			if path == one || strings.HasSuffix(path, "/"+one) {
				found = append(found, "an import of "+path)
			}
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.GoStmt:
			found = append(found, "a go statement")
		case *ast.SelectorExpr:
			if slices.Contains([]string{"Go", "Parallel", "AfterFunc", "ListenAndServe"}, node.Sel.Name) {
				found = append(found, "a call of "+node.Sel.Name)
			}
		}
		return true
	})
	return found
}
