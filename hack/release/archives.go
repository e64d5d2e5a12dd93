package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kedify/inference-gateway/hack/oci"
	"github.com/kedify/inference-gateway/hack/source"
)

// workstations are the platforms that the command line is built for.
var workstations = []platform{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}}

// checksums is the file that `sha256sum --check` reads.
const checksums = "SHA256SUMS"

func (r *releaser) archivesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "archives", Short: "Build the command line for linux and darwin: one archive each, with checksums", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.archives(cmd.Context(), workstations) },
	}
}

func (r *releaser) archives(ctx context.Context, workstations []platform) error {
	tree, err := source.Read(ctx, r.root, r.version)
	if err != nil {
		return err
	}
	folder := filepath.Join(r.out, "archives")
	work, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o755)); err != nil {
		return err
	}
	var sums strings.Builder
	for _, p := range workstations {
		program, err := r.build(ctx, tree, p, work)
		if err != nil {
			return err
		}
		title := fmt.Sprintf("%s-%s-%s-%s", programName, tree.Version, p.os, p.arch)
		archive := filepath.Join(folder, title+".tar.gz")
		files := append(r.notices(program, title+"/licenses"), oci.File{Path: title + "/" + programName, Mode: 0o755, Source: program.path})
		if err := writeGzip(archive, files); err != nil {
			return err
		}
		sum, err := sha256sum(archive)
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%s  %s\n", sum, filepath.Base(archive))
		r.say("archive     %s", archive)
	}
	return os.WriteFile(filepath.Join(folder, checksums), []byte(sums.String()), 0o644)
}

func writeGzip(target string, files []oci.File) error {
	out, err := os.Create(target)
	if err != nil {
		return err
	}
	compressed := gzip.NewWriter(out)
	return errors.Join(oci.WriteTar(compressed, files), compressed.Close(), out.Close())
}
