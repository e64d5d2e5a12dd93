package build

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kedify/inference-gateway/hack/testbed/progress"
)

// LibraryFolder is below a component's folder: shared libraries that came with it. The program
// finds the others on the machine.
const LibraryFolder = "lib"

// unpackDebian takes a program out of its Debian package, with the libraries that this machine
// lacks. Nothing is installed: no service of Debian's starts, and nothing is left behind.
func (b *Builder) unpackDebian(ctx context.Context, c Component, _, out string, _ *progress.Step) error {
	tmp := filepath.Join(out, "debian")
	root := filepath.Join(tmp, "root")
	for _, dir := range []string{filepath.Join(tmp, "partial"), root, filepath.Join(out, LibraryFolder)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := apt(ctx, "--download-only", "--reinstall", "--option", "Dir::Cache::archives="+tmp, c.Debian); err != nil {
		return err
	}
	packages, err := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if err != nil {
		return err
	}
	for _, file := range packages {
		if text, err := exec.CommandContext(ctx, "dpkg-deb", "--extract", file, root).CombinedOutput(); err != nil {
			return fmt.Errorf("unpack %s: %w\n%s", filepath.Base(file), err, text)
		}
	}
	for _, program := range c.Binaries() {
		if err := sortOut(root, out, program); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(out, c.Binaries()[0]), cmp.Or(c.Check, "-v"))
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(out, LibraryFolder))
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the program does not start here: %w\n%s", err, text)
	}
	return nil
}

// sortOut moves the program and all shared libraries below root to where they belong.
func sortOut(root, out, program string) error {
	for _, pattern := range []string{"usr/sbin/" + program, "usr/bin/" + program} {
		if path := filepath.Join(root, pattern); exists(path) {
			if err := os.Rename(path, filepath.Join(out, program)); err != nil {
				return err
			}
		}
	}
	// Libraries and the links to them are in one folder per architecture.
	libraries, err := filepath.Glob(filepath.Join(root, "usr", "lib", "*", "*.so*"))
	if err != nil {
		return err
	}
	for _, path := range libraries {
		if err := os.Rename(path, filepath.Join(out, LibraryFolder, filepath.Base(path))); err != nil {
			return err
		}
	}
	return nil
}

// apt updates the lists of packages and installs, or what the arguments make of that.
func apt(ctx context.Context, arguments ...string) error {
	install := append([]string{"install", "--yes", "--no-install-recommends"}, arguments...)
	for _, args := range [][]string{{"update"}, install} {
		cmd := exec.CommandContext(ctx, "apt-get", append([]string{"--quiet", "--quiet"}, args...)...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}
