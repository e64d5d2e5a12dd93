// Package source says which version of the product a tree is.
//
// Job: version, revision and time of a checkout, and the flags by which a build carries them.
// Inputs: git, and the version of the chart, which is the next one to be released.
// Outputs: a Tree.
// Ownership: none; each call runs git to its end.
package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/semver"
	"sigs.k8s.io/yaml"
)

const (
	// Module is the Go module of the product, and Project its address.
	Module  = "github.com/kedify/inference-gateway"
	Project = "https://" + Module
	// Product is the package of the product's program.
	Product = Module + "/cmd/kedify-gateway"

	telemetry = Module + "/internal/telemetry"
)

// chart has the version that is to be released next.
const chart = "charts/kedify-gateway/Chart.yaml"

// Tree is the source of a build.
type Tree struct {
	Version  string    // SemVer with a v: of the tag, or vX.Y.Z-dev-<commit>, with -modified where files differ from the commit
	Revision string    // the whole hash of the commit, "+dirty" where files differ from it
	Time     time.Time // of the commit, in UTC
}

// ErrNoGit is the error of a tree without a commit: an unpacked archive, or no git on the machine.
var ErrNoGit = errors.New("no commit is known: say VERSION=vX.Y.Z in a git checkout")

// Read reads the checkout at root. The version is the given one, if there is one: a release says which it is.
func Read(ctx context.Context, root, version string) (Tree, error) {
	facts, err := git(ctx, root, "log", "-1", "--format=%H %ct")
	if err != nil {
		return Tree{}, errors.Join(ErrNoGit, err)
	}
	revision, seconds, _ := strings.Cut(facts, " ")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return Tree{}, fmt.Errorf("time of the commit: %w", err)
	}
	changes, err := git(ctx, root, "status", "--porcelain")
	if err != nil {
		return Tree{}, err
	}
	tree := Tree{Version: version, Revision: revision, Time: time.Unix(unix, 0).UTC()}
	modified := ""
	if changes != "" {
		tree.Revision += "+dirty"
		modified = "-modified"
	}
	if version != "" && changes != "" {
		return Tree{}, fmt.Errorf("%s names a release, and files differ from the commit:\n%s", version, changes)
	}
	if version == "" {
		if tree.Version, err = ownVersion(ctx, root, revision[:12]+modified); err != nil {
			return Tree{}, err
		}
	}
	return tree, checkVersion(tree.Version)
}

// Unversioned is a tree of which no commit is known.
func Unversioned(root string) (Tree, error) {
	next, err := nextVersion(root)
	return Tree{Version: next + "-dev-unversioned", Revision: "not of a git checkout", Time: time.Unix(0, 0).UTC()}, err
}

// ownVersion is the tag of the commit, if nothing was modified since, else a version before the next release.
func ownVersion(ctx context.Context, root, commit string) (string, error) {
	if !strings.HasSuffix(commit, "-modified") {
		if tag, err := git(ctx, root, "describe", "--tags", "--exact-match", "--match", "v[0-9]*"); err == nil {
			return tag, nil
		}
	}
	next, err := nextVersion(root)
	return next + "-dev-" + commit, err
}

func nextVersion(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(chart)))
	if err != nil {
		return "", err
	}
	var metadata struct {
		Version string `json:"version"`
	}
	if err := yaml.Unmarshal(text, &metadata); err != nil {
		return "", fmt.Errorf("%s: %w", chart, err)
	}
	return "v" + metadata.Version, nil
}

// checkVersion refuses what cannot be a tag of an image and the version of a chart at once.
func checkVersion(version string) error {
	if !semver.IsValid(version) || semver.Canonical(version) != version {
		return fmt.Errorf("version %q: want vX.Y.Z or vX.Y.Z-pre, as SemVer has it with a v before it and no build after a +", version)
	}
	return nil
}

// LDFlags are the linker's flags by which a build carries its source.
func (t Tree) LDFlags() string {
	return fmt.Sprintf("-s -w -X %s.version=%s -X '%[1]s.revision=%[3]s'", telemetry, t.Version, t.Revision)
}

// Bare is the version without its v: that of a chart.
func (t Tree) Bare() string { return strings.TrimPrefix(t.Version, "v") }

func git(ctx context.Context, root string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = root
	var problem bytes.Buffer
	cmd.Stderr = &problem
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, problem.Bytes())
	}
	return strings.TrimSpace(string(text)), nil
}
