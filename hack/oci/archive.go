package oci

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// imageName is the annotation by which containerd, and with it kind, names what it imports.
const imageName = "io.containerd.image.name"

// dockerManifest is the file that Docker reads.
const dockerManifest = "manifest.json"

// WriteArchive writes the image under all names to a new file, which appears in one step. It is an OCI layout that is a
// Docker archive as well, as `docker save` writes it. All names point at the one manifest: another name costs no second copy.
func WriteArchive(target string, image v1.Image, names ...string) error {
	folder, err := os.MkdirTemp(filepath.Dir(target), ".layout")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := writeLayout(folder, image, names); err != nil {
		return fmt.Errorf("write %s: %w", target, err)
	}
	out, err := os.CreateTemp(filepath.Dir(target), ".archive")
	if err != nil {
		return err
	}
	if err := errors.Join(writeFolder(out, folder), out.Chmod(0o644), out.Close()); err != nil {
		os.Remove(out.Name())
		return fmt.Errorf("write %s: %w", target, err)
	}
	return os.Rename(out.Name(), target)
}

func writeLayout(folder string, image v1.Image, names []string) error {
	index := v1.ImageIndex(empty.Index)
	for _, name := range names {
		named := v1.Descriptor{Annotations: map[string]string{imageName: name}}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: named})
	}
	if _, err := layout.Write(folder, index); err != nil {
		return err
	}
	entry, err := dockerEntry(image, names)
	if err != nil {
		return err
	}
	text, err := json.Marshal(tarball.Manifest{entry})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, dockerManifest), text, 0o644)
}

// dockerEntry says to Docker which blobs of the layout the image is.
func dockerEntry(image v1.Image, names []string) (tarball.Descriptor, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return tarball.Descriptor{}, err
	}
	entry := tarball.Descriptor{Config: blobPath(manifest.Config.Digest), RepoTags: names}
	for _, layer := range manifest.Layers {
		entry.Layers = append(entry.Layers, blobPath(layer.Digest))
	}
	return entry, nil
}

// blobPath is where a layout has a blob.
func blobPath(digest v1.Hash) string { return path.Join("blobs", digest.Algorithm, digest.Hex) }

// writeFolder writes the files of a folder in the order of their names.
func writeFolder(out io.Writer, folder string) error {
	w := tar.NewWriter(out)
	err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(folder, name)
		if err != nil {
			return err
		}
		return writeFile(w, File{Path: filepath.ToSlash(relative), Mode: 0o644, Source: name})
	})
	return errors.Join(err, w.Close())
}
