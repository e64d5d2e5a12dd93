package oci

import (
	"archive/tar"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// File is one file of a layer: with Content, or copied from Source; or a Folder. Folders above files are made without an entry,
// with mode 0755; an entry is for an empty folder, or for another mode.
type File struct {
	Path    string // absolute
	Mode    int64
	Content []byte
	Source  string
	Folder  bool
}

// fixed is every file's time, so that equal content gives equal layers.
var fixed = time.Unix(0, 0)

// WriteTar writes the files with all folders above them as a tar stream, whose bytes depend on nothing else.
func WriteTar(out io.Writer, files []File) error {
	w := tar.NewWriter(out)
	for _, f := range withFolders(files) {
		if err := writeFile(w, f); err != nil {
			return fmt.Errorf("pack %s: %w", f.Path, err)
		}
	}
	return w.Close()
}

// withFolders adds the folders above each file. Folders come first, parents before their children, then the files.
func withFolders(files []File) []File {
	all := map[string]File{}
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "/" && dir != "."; dir = path.Dir(dir) {
			if _, known := all[dir]; !known {
				all[dir] = File{Path: dir, Mode: 0o755, Folder: true}
			}
		}
	}
	for _, f := range files {
		all[f.Path] = f
	}
	return slices.SortedFunc(maps.Values(all), func(a, b File) int {
		if a.Folder != b.Folder {
			return map[bool]int{true: -1, false: 1}[a.Folder]
		}
		return strings.Compare(a.Path, b.Path)
	})
}

func writeFile(w *tar.Writer, f File) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: strings.TrimPrefix(f.Path, "/"), Mode: f.Mode, ModTime: fixed}
	if f.Folder {
		header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
		return w.WriteHeader(header)
	}
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
