package source

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// checkout is a repository with one commit of a fixed time.
func checkout(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	file := filepath.Join(root, filepath.FromSlash(chart))
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte("version: 0.3.0\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	run(t, root, "init", "-q")
	run(t, root, "add", ".")
	run(t, root, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "one")
	return root
}

func run(t *testing.T, root string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE=1700000000 +0200", "GIT_AUTHOR_DATE=1700000000 +0200")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func read(t *testing.T, root, version string) Tree {
	t.Helper()
	tree, err := Read(t.Context(), root, version)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestVersionOfACheckout(t *testing.T) {
	root := checkout(t)
	tree := read(t, root, "")
	if len(tree.Revision) != 40 || tree.Version != "v0.3.0-dev-"+tree.Revision[:12] || !tree.Time.Equal(time.Unix(1700000000, 0)) {
		t.Errorf("commit: %+v", tree)
	}
	run(t, root, "tag", "v0.3.0")
	run(t, root, "tag", "nightly")
	if tagged := read(t, root, ""); tagged.Version != "v0.3.0" || tagged.Bare() != "0.3.0" || tagged.Revision != tree.Revision {
		t.Errorf("tag: %+v", tagged)
	}
	if given := read(t, root, "v0.4.0-rc.1"); given.Version != "v0.4.0-rc.1" {
		t.Errorf("given: %+v", given)
	}
	if err := os.WriteFile(filepath.Join(root, "new.go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if modified := read(t, root, ""); modified.Version != tree.Version+"-modified" || modified.Revision != tree.Revision+"+dirty" {
		t.Errorf("modified: %+v", modified)
	}
	if _, err := Read(t.Context(), root, "v0.3.0"); err == nil || !strings.Contains(err.Error(), "new.go") {
		t.Errorf("a release of files that no commit has: %v", err)
	}
}

func TestVersionsThatAreRefused(t *testing.T) {
	root := checkout(t)
	for _, version := range []string{"main", "0.3.0", "v1", "v1.2", "v0.3.0+build", "latest"} {
		if _, err := Read(t.Context(), root, version); err == nil || !strings.Contains(err.Error(), version) {
			t.Errorf("%s: %v", version, err)
		}
	}
}

func TestTreeWithoutGit(t *testing.T) {
	root := checkout(t)
	if err := os.RemoveAll(filepath.Join(root, ".git")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(root))
	if _, err := Read(t.Context(), root, ""); !errors.Is(err, ErrNoGit) {
		t.Errorf("%v", err)
	}
	tree, err := Unversioned(root)
	if err != nil || tree.Version != "v0.3.0-dev-unversioned" || checkVersion(tree.Version) != nil || tree.Revision == "" {
		t.Errorf("%+v, %v", tree, err)
	}
}
