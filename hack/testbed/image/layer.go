// Package image packs binaries into container images: archives of one layer in
// the OCI layout, which containerd imports without any registry. The same
// input gives the same bytes, hence the same digest.
package image

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// File is one file of a layer: with Content, or copied from Source.
type File struct {
	Path    string // absolute
	Mode    int64
	Content []byte
	Source  string
}

// fixed is every file's time, so that equal content gives equal layers.
var fixed = time.Unix(0, 0)

// writeLayer writes the files with all folders above them as a tar stream.
func writeLayer(out io.Writer, files []File) error {
	w := tar.NewWriter(out)
	for _, dir := range folders(files) {
		mode := int64(0o755)
		if dir == "/tmp" {
			mode = 0o1777
		}
		header := &tar.Header{Typeflag: tar.TypeDir, Name: strings.TrimPrefix(dir, "/") + "/", Mode: mode, ModTime: fixed}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
	}
	sorted := slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	for _, f := range sorted {
		if err := writeFile(w, f); err != nil {
			return fmt.Errorf("pack %s: %w", f.Path, err)
		}
	}
	return w.Close()
}

func writeFile(w *tar.Writer, f File) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: strings.TrimPrefix(f.Path, "/"), Mode: f.Mode, ModTime: fixed}
	if f.Source == "" {
		header.Size = int64(len(f.Content))
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		_, err := w.Write(f.Content)
		return err
	}
	in, err := os.Open(f.Source)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	header.Size = info.Size()
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(w, in)
	return err
}

// folders lists every folder above a file, and /tmp, which any program may
// expect; parents come before their children.
func folders(files []File) []string {
	dirs := []string{"/tmp"}
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "/"; dir = path.Dir(dir) {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}
