package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/hack/release/licenses"
	"github.com/kedify/inference-gateway/hack/source"
)

// linked lists what the product is linked from, by a template of the go command.
func linked(t *testing.T, template string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-f", template, source.Product)
	cmd.Dir = root
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	found := strings.Fields(string(text))
	slices.Sort(found)
	return slices.Compact(found)
}

// What packs the product is not in it: the module of both is one, and an import would go unnoticed.
func TestProductLinksNothingOfItsRelease(t *testing.T) {
	packers := []string{
		"github.com/google/go-containerregistry/", "github.com/google/licenseclassifier/", "github.com/spdx/",
		"golang.org/x/crypto/x509roots/", "github.com/kedify/inference-gateway/hack/",
	}
	for _, name := range linked(t, "{{.ImportPath}}") {
		if slices.ContainsFunc(packers, func(packer string) bool { return strings.HasPrefix(name, packer) }) {
			t.Errorf("the product imports %s", name)
		}
	}
}

// Each module that the product is linked from has a licence that it may be shipped with.
func TestProductMayBeShipped(t *testing.T) {
	paths := linked(t, "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}")
	modules, err := licenses.Collect(t.Context(), root, paths)
	if err != nil {
		t.Fatal(err)
	}
	if len(modules) != len(paths)+1 || len(modules) < 50 {
		t.Errorf("%d modules, %d paths", len(modules), len(paths))
	}
}
