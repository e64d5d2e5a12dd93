package image

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

const (
	mediaIndex    = "application/vnd.oci.image.index.v1+json"
	mediaManifest = "application/vnd.oci.image.manifest.v1+json"
	mediaConfig   = "application/vnd.oci.image.config.v1+json"
	mediaLayer    = "application/vnd.oci.image.layer.v1.tar"
)

// Spec is what an image is, apart from its files.
type Spec struct {
	Names      []string // every name it is imported under
	Entrypoint []string
	Cmd        []string
	User       string
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

type configFile struct {
	Architecture string        `json:"architecture"`
	OS           string        `json:"os"`
	Config       runtimeConfig `json:"config"`
	RootFS       rootFS        `json:"rootfs"`
}

type runtimeConfig struct {
	User       string   `json:"User,omitempty"`
	Env        []string `json:"Env"`
	Entrypoint []string `json:"Entrypoint"`
	Cmd        []string `json:"Cmd,omitempty"`
	WorkingDir string   `json:"WorkingDir"`
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

// WriteArchive writes the image to a new file, which appears in one step. All
// names point at the one manifest, so another name costs no second copy.
func WriteArchive(target string, spec Spec, files []File) error {
	layer, err := os.CreateTemp(filepath.Dir(target), ".layer")
	if err != nil {
		return err
	}
	defer os.Remove(layer.Name())
	defer layer.Close()
	hash := sha256.New()
	if err := writeLayer(io.MultiWriter(layer, hash), files); err != nil {
		return err
	}
	size, err := layer.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err := layer.Seek(0, io.SeekStart); err != nil {
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(target), ".archive")
	if err != nil {
		return err
	}
	err = writeLayout(out, spec, layer, descriptor{MediaType: mediaLayer, Digest: digest(hash.Sum(nil)), Size: size})
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(out.Name())
		return fmt.Errorf("write %s: %w", target, err)
	}
	return os.Rename(out.Name(), target)
}

// writeLayout writes the OCI layout around the layer.
func writeLayout(out io.Writer, spec Spec, layer io.Reader, layerRef descriptor) error {
	config, configRef, err := document(mediaConfig, configFile{
		Architecture: runtime.GOARCH,
		OS:           "linux",
		Config: runtimeConfig{
			User: spec.User, Entrypoint: spec.Entrypoint, Cmd: spec.Cmd, WorkingDir: "/",
			Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		},
		RootFS: rootFS{Type: "layers", DiffIDs: []string{layerRef.Digest}},
	})
	if err != nil {
		return err
	}
	body, bodyRef, err := document(mediaManifest, manifest{
		SchemaVersion: 2, MediaType: mediaManifest, Config: configRef, Layers: []descriptor{layerRef},
	})
	if err != nil {
		return err
	}
	list := index{SchemaVersion: 2, MediaType: mediaIndex}
	for _, name := range spec.Names {
		named := bodyRef
		named.Annotations = map[string]string{"io.containerd.image.name": name}
		list.Manifests = append(list.Manifests, named)
	}
	top, _, err := document(mediaIndex, list)
	if err != nil {
		return err
	}
	w := tar.NewWriter(out)
	for _, entry := range []struct {
		name    string
		content []byte
	}{
		{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{"index.json", top},
		{blobPath(configRef), config},
		{blobPath(bodyRef), body},
	} {
		if err := writeFile(w, File{Path: entry.name, Mode: 0o644, Content: entry.content}); err != nil {
			return err
		}
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: blobPath(layerRef), Mode: 0o644, Size: layerRef.Size, ModTime: fixed}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	if _, err := io.Copy(w, layer); err != nil {
		return err
	}
	return w.Close()
}

func document(mediaType string, value any) ([]byte, descriptor, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, descriptor{}, err
	}
	sum := sha256.Sum256(data)
	return data, descriptor{MediaType: mediaType, Digest: digest(sum[:]), Size: int64(len(data))}, nil
}

func digest(sum []byte) string { return "sha256:" + hex.EncodeToString(sum) }

func blobPath(d descriptor) string { return "blobs/sha256/" + d.Digest[len("sha256:"):] }
