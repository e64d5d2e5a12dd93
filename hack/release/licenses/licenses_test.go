package licenses

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/licenseclassifier/v2/assets"

	"github.com/kedify/inference-gateway/hack/source"
)

// tree is a module in a folder, with a dependency beside it.
func tree(t *testing.T, license string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":                   "module example.org/a\n\ngo 1.26.0\n\nrequire example.org/b v1.0.0\n\nreplace example.org/b => ./b\n",
		"b/go.mod":                 "module example.org/b\n\ngo 1.26.0\n",
		"b/LICENSE.txt":            license,
		"b/third/COPYING":          mit,
		"b/testdata/LICENSE":       "of a test",
		"b/nested/go.mod":          "module example.org/b/nested\n",
		"b/nested/LICENSE":         "of another module",
		"b/license.go":             "package b",
		"b/third/license_names.md": "",
	} {
		target := filepath.Join(root, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(target), 0o755), os.WriteFile(target, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const mit = `MIT License

Copyright (c) 2026 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`

func TestLicensesOfModules(t *testing.T) {
	apache, err := os.ReadFile("../../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	modules, err := Collect(t.Context(), tree(t, string(apache)), []string{"example.org/b"})
	if err != nil {
		t.Fatal(err)
	}
	if len(modules) != 2 || modules[0].Path != "example.org/b" || modules[1].Path != "std" {
		t.Fatalf("%+v", modules)
	}
	var names []string
	for _, file := range modules[0].Files {
		names = append(names, file.Name)
	}
	if want := []string{"LICENSE.txt", "third/COPYING"}; !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
	std := modules[1]
	if modules[0].Expression() != "Apache-2.0 AND MIT" || std.Expression() != "BSD-3-Clause" || !strings.HasPrefix(std.Version, "go1.") {
		t.Errorf("%+v", modules)
	}
}

func TestModuleWithoutALicenseIsRefused(t *testing.T) {
	for _, text := range []string{"", "All rights reserved."} {
		root := tree(t, text)
		if err := os.Remove(filepath.Join(root, "b", "third", "COPYING")); err != nil {
			t.Fatal(err)
		}
		_, err := Collect(t.Context(), root, []string{"example.org/b"})
		if !errors.Is(err, ErrLicense) || !strings.Contains(err.Error(), "example.org/b") {
			t.Errorf("%v", err)
		}
	}
}

func TestForbiddenLicenseIsRefused(t *testing.T) {
	text, err := assets.ReadLicenseFile("License/GPL-3.0/license.txt") // of the classifier
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Collect(t.Context(), tree(t, string(text)), []string{"example.org/b"}); !errors.Is(err, ErrLicense) {
		t.Errorf("%v", err)
	}
}

// Each module that the product is linked from has a licence that it may be shipped with.
func TestProductMayBeShipped(t *testing.T) {
	const root = "../../.."
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", source.Product)
	cmd.Dir = root
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	paths := strings.Fields(string(text))
	slices.Sort(paths)
	paths = slices.Compact(paths)
	modules, err := Collect(t.Context(), root, paths)
	if err != nil {
		t.Fatal(err)
	}
	if len(modules) != len(paths)+1 || len(modules) < 50 {
		t.Errorf("%d modules, %d paths", len(modules), len(paths))
	}
}
