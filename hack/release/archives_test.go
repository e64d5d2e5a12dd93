package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestArchives(t *testing.T) {
	folder := checkout(t)
	r := releaserOf(t, folder)
	workstations := []platform{platforms[0], {"darwin", "arm64"}} // each more is a standard library to compile
	if err := r.archives(t.Context(), workstations); err != nil {
		t.Fatal(err)
	}
	made := filepath.Join(r.out, "archives")
	check := exec.Command("sha256sum", "--check", "--strict", checksums)
	check.Dir = made
	if text, err := check.CombinedOutput(); err != nil || strings.Count(string(text), ": OK") != len(workstations) {
		t.Errorf("%v\n%s", err, text)
	}
	version := treeOf(t, folder).Version
	for _, p := range workstations {
		title := "kedify-gateway-" + version + "-" + p.os + "-" + p.arch
		names := namesIn(t, filepath.Join(made, title+".tar.gz"))
		for _, want := range []string{title + "/kedify-gateway", title + "/licenses/LICENSE", title + "/licenses/THIRD_PARTY"} {
			if !slices.Contains(names, want) {
				t.Errorf("%s has no %s: %v", title, want, names)
			}
		}
	}
}

func namesIn(t *testing.T, archive string) (names []string) {
	t.Helper()
	file, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(plain); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
	}
}

// A chart of the repository, packaged by the pinned Helm: its version, and the tag of the image that it installs.
func TestCharts(t *testing.T) {
	r := releaserOf(t, root)
	folder := t.TempDir()
	if err := os.CopyFS(filepath.Join(folder, "kedify-gateway"), os.DirFS(filepath.Join(root, "charts", "kedify-gateway"))); err != nil {
		t.Fatal(err)
	}
	if err := r.charts(t.Context(), folder, ""); err != nil {
		t.Fatal(err)
	}
	tree := treeOf(t, root)
	packed := filepath.Join(r.out, "packages", "kedify-gateway-"+tree.Bare()+".tgz")
	text, err := exec.Command("tar", "--extract", "--gzip", "--to-stdout", "--file", packed, "kedify-gateway/Chart.yaml").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\nversion: " + tree.Bare() + "\n", "\nappVersion: " + tree.Version + "\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestNotesOfARelease(t *testing.T) {
	const text = "# Changelog\n\n## [0.3.0] - unreleased\n\n### Added\n\n* One.\n\n" +
		"## [0.2.0] - 2026-01-01\n\n* Two.\n\n[0.3.0]: https://example.org\n"
	for version, want := range map[string]string{"v0.3.0": "### Added\n\n* One.", "v0.3.0-rc.1": "### Added\n\n* One.", "v0.2.0": "* Two."} {
		if got, err := sectionOf(text, version); err != nil || got != want {
			t.Errorf("%s: %q, %v", version, got, err)
		}
	}
	for _, version := range []string{"v0.4.0", "", "v0.3"} {
		if got, err := sectionOf(text, version); err == nil {
			t.Errorf("%s: %q", version, got)
		}
	}
}
