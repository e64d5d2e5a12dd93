package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/hack/source"
)

// What packs the product is not in it: the module of both is one, and an import would go unnoticed.
func TestProductLinksNothingOfItsRelease(t *testing.T) {
	packers := []string{
		"github.com/google/go-containerregistry/", "github.com/google/licenseclassifier/", "github.com/spdx/",
		"golang.org/x/crypto/x509roots/", "github.com/kedify/inference-gateway/hack/",
	}
	cmd := exec.Command("go", "list", "-deps", source.Product)
	cmd.Dir = root
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(text)) {
		if slices.ContainsFunc(packers, func(packer string) bool { return strings.HasPrefix(name, packer) }) {
			t.Errorf("the product imports %s", name)
		}
	}
}
