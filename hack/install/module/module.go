// Package module finds the sources of Go modules, which carry manifests beside their code.
//
// Job: the folder of a module in the module cache.
// Inputs: a folder with a go.mod that requires it.
// Outputs: a path; the sources are downloaded when they are missing.
// Ownership: none; every call is one command that ends.
package module

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// Folder is where the sources of a module are, with the version of the go.mod in dir, or of the one that
// flags name.
func Folder(ctx context.Context, dir, path string, flags ...string) (string, error) {
	list := slices.Concat([]string{"list", "-m", "-f", "{{.Dir}}"}, flags, []string{path})
	folder, err := inGo(ctx, dir, list...)
	if err != nil || folder != "" {
		return folder, err
	}
	// Listed but not yet on this machine.
	if _, err := inGo(ctx, dir, slices.Concat([]string{"mod", "download"}, flags, []string{path})...); err != nil {
		return "", err
	}
	return inGo(ctx, dir, list...)
}

func inGo(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(text)), nil
}
