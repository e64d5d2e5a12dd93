package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kedify/inference-gateway/hack/source"
)

func (r *releaser) chartsCommand() *cobra.Command {
	var folder, push string
	command := &cobra.Command{
		Use: "charts", Short: "Package the charts with the version of the release; push them where --push says", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.charts(cmd.Context(), folder, push) },
	}
	command.Flags().StringVar(&folder, "charts", filepath.Join("out", "charts"),
		"folder with a folder for each chart, as make charts writes it")
	command.Flags().StringVar(&push, "push", "", "oci://registry/folder to push to, with the credentials of helm or docker login")
	return command
}

// charts packages every chart of a folder: its version is that of the release, and so is the tag of the image that it installs.
func (r *releaser) charts(ctx context.Context, folder, push string) error {
	tree, err := source.Read(ctx, r.root, r.version)
	if err != nil {
		return err
	}
	sources, err := filepath.Glob(filepath.Join(folder, "*", "Chart.yaml"))
	if err != nil || len(sources) == 0 {
		return errors.Join(fmt.Errorf("no charts in %s", folder), err)
	}
	target, err := filepath.Abs(filepath.Join(r.out, "packages"))
	if err := errors.Join(err, os.RemoveAll(target), os.MkdirAll(target, 0o755)); err != nil {
		return err
	}
	for _, file := range sources {
		chart, err := filepath.Abs(filepath.Dir(file))
		if err != nil {
			return err
		}
		err = r.helm(ctx, "package", chart, "--version", tree.Bare(), "--app-version", tree.Version, "--destination", target)
		if err != nil {
			return err
		}
		packed := filepath.Join(target, filepath.Base(chart)+"-"+tree.Bare()+".tgz")
		if _, err := os.Stat(packed); err != nil {
			return fmt.Errorf("helm package %s: %w", chart, err)
		}
		r.say("chart       %s", packed)
		if push == "" {
			continue
		}
		if err := r.helm(ctx, "push", packed, push); err != nil {
			return err
		}
		r.say("pushed      %s/%s:%s", push, filepath.Base(chart), tree.Bare())
	}
	return nil
}

// helm runs the Helm that hack/helm pins; the go command builds it the first time.
func (r *releaser) helm(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", slices.Concat([]string{"tool", "-modfile=hack/helm/go.mod", "helm"}, args)...)
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as bin/install builds it: compiled once for both
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("helm %s: %w\n%s", args[0], err, text)
	}
	return nil
}
