package main

import (
	"os/exec"
	"strings"
	"testing"
)

// The targets run the commands of this program with what their descriptions say. VERSION is the default version of Gateway API
// for other targets, and must not become that of a release.
func TestTargetsOfTheMakefile(t *testing.T) {
	for arguments, want := range map[string]string{
		"image":                                     "bin/release image",
		"image PUSH=a.example/b BASE=c":             "bin/release image --push=a.example/b --base=c",
		"image VERSION=v0.1.0":                      "bin/release --version=v0.1.0 image",
		"release-archives VERSION=v0.1.0":           "bin/release --version=v0.1.0 archives",
		"chart-package VERSION=v0.1.0 PUSH=oci://a": "bin/release --version=v0.1.0 charts --push=oci://a",
		"release-notes VERSION=v0.1.0":              "bin/release --version=v0.1.0 notes",
		"version":                                   "bin/release version",
		"kind-load KIND=mine":                       "kind load image-archive out/image/kedify-gateway-linux-$(go env GOARCH).tar --name mine",
	} {
		cmd := exec.Command("make", append([]string{"--dry-run", "--no-print-directory"}, strings.Fields(arguments)...)...)
		cmd.Dir = root
		text, err := cmd.CombinedOutput()
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		if got := strings.Join(strings.Fields(lines[len(lines)-1]), " "); err != nil || got != want {
			t.Errorf("make %s runs %q, want %q (%v)", arguments, got, want, err)
		}
	}
}

// A release gets its version from the environment.
func TestVersionOfTheEnvironment(t *testing.T) {
	t.Setenv("VERSION", "v0.1.0")
	cmd := exec.Command("make", "--dry-run", "image")
	cmd.Dir = root
	if text, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(text), "--version=v0.1.0") {
		t.Errorf("%s (%v)", text, err)
	}
}
