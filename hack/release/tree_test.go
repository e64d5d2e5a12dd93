package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/hack/source"
)

// root of the repository, seen from this package.
const root = "../.."

// small is a product that builds in a second: the names are those of the real one, so that the same commands build it.
var small = map[string]string{
	"go.mod": "module github.com/kedify/inference-gateway\n\ngo 1.27.0\n\nrequire golang.org/x/mod v0.42.0\n",
	"cmd/kedify-gateway/main.go": `package main

import (
	"os"

	"golang.org/x/mod/semver"

	"github.com/kedify/inference-gateway/internal/telemetry"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "version" && semver.IsValid(telemetry.Version()) {
		os.Stdout.WriteString(telemetry.Version() + " " + telemetry.Revision() + "\n")
	}
}
`,
	"internal/telemetry/build.go": `package telemetry

var version, revision string

func Version() string  { return version }
func Revision() string { return revision }
`,
	"charts/kedify-gateway/Chart.yaml": "version: 0.3.0\n",
	"CHANGELOG.md":                     "## [0.3.0] - unreleased\n\n* Small.\n",
}

// checkout is a commit of the small product in a folder of its own.
func checkout(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	files := map[string]string{}
	for name, text := range small {
		files[name] = text
	}
	for _, name := range []string{"go.sum", "LICENSE"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	for name, text := range files {
		target := filepath.Join(folder, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(target), 0o755), os.WriteFile(target, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	git(t, folder, "init", "-q")
	git(t, folder, "add", ".")
	git(t, folder, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "one")
	return folder
}

func git(t *testing.T, folder string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE=1700000000 +0000", "GIT_AUTHOR_DATE=1700000000 +0000")
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, text)
	}
	return strings.TrimSpace(string(text))
}

// releaserOf writes below a folder of its own.
func releaserOf(t *testing.T, folder string) *releaser {
	t.Helper()
	return &releaser{root: folder, out: t.TempDir(), say: t.Logf}
}

func treeOf(t *testing.T, folder string) source.Tree {
	t.Helper()
	tree, err := source.Read(t.Context(), folder, "")
	if err != nil {
		t.Fatal(err)
	}
	return tree
}
