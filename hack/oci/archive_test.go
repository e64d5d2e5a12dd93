package oci

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

var names = []string{"example.org/a:1", "example.org/b:2"}

func example(t *testing.T) []File {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(binary, []byte("machine code"), 0o755); err != nil {
		t.Fatal(err)
	}
	return []File{
		{Path: "/usr/bin/program", Mode: 0o755, Source: binary},
		{Path: "/etc/passwd", Mode: 0o644, Content: []byte("root")},
		{Path: "/tmp", Mode: 0o1777, Folder: true},
	}
}

var spec = Spec{
	Architecture: "arm64", User: Nonroot, Entrypoint: []string{"/usr/bin/program"}, Cmd: []string{"run"},
	Annotations: map[string]string{"org.opencontainers.image.version": "v1"}, Created: time.Unix(1_000_000, 0),
}

// made packs the files with one of the two layers.
func made(t *testing.T, pack func([]File) (v1.Layer, error), files []File) v1.Image {
	t.Helper()
	layer, err := pack(files)
	if err != nil {
		t.Fatal(err)
	}
	image, err := Build(spec, nil, layer)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func archived(t *testing.T, image v1.Image) string {
	t.Helper()
	target := filepath.Join(t.TempDir(), "image.tar")
	if err := WriteArchive(target, image, names...); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Dir(target)); len(left) != 1 {
		t.Errorf("temporary files are left: %v", left)
	}
	return target
}

// unpacked is the archive as a folder.
func unpacked(t *testing.T, archive string) string {
	t.Helper()
	folder := t.TempDir()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for r := tar.NewReader(f); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return folder
		}
		if err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(folder, header.Name)
		data, err := io.ReadAll(r)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(target), 0o755), os.WriteFile(target, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// An archive is read by what reads OCI layouts, and by what reads the archives of Docker; both find the same image.
func TestArchiveIsALayoutAndADockerArchive(t *testing.T) {
	for kind, pack := range map[string]func([]File) (v1.Layer, error){"plain": Plain, "compressed": Compressed} {
		t.Run(kind, func(t *testing.T) {
			image := made(t, pack, example(t))
			archive := archived(t, image)
			path, err := layout.FromPath(unpacked(t, archive))
			if err != nil {
				t.Fatal(err)
			}
			index, err := path.ImageIndex()
			if err != nil {
				t.Fatal(err)
			}
			list, err := index.IndexManifest()
			if err != nil {
				t.Fatal(err)
			}
			want, err := image.Digest()
			if err != nil {
				t.Fatal(err)
			}
			if len(list.Manifests) != len(names) {
				t.Fatalf("%+v", list.Manifests)
			}
			for i, entry := range list.Manifests {
				if entry.Digest != want || entry.Annotations["io.containerd.image.name"] != names[i] {
					t.Errorf("%+v", entry)
				}
				found, err := index.Image(entry.Digest)
				if err != nil {
					t.Fatal(err)
				}
				checkBlobs(t, found)
			}
			for _, each := range names {
				tag, err := name.NewTag(each)
				if err != nil {
					t.Fatal(err)
				}
				docker, err := tarball.ImageFromPath(archive, &tag)
				if err != nil {
					t.Fatal(err)
				}
				id, err := docker.ConfigName()
				if own, _ := image.ConfigName(); err != nil || id != own {
					t.Errorf("Docker's image is %s, want %s (%v)", id, own, err)
				}
			}
		})
	}
}

// checkBlobs reads every layer and compares its digest, size and, unpacked, the digest in the configuration.
func checkBlobs(t *testing.T, image v1.Image) {
	t.Helper()
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != len(manifest.Layers) || len(layers) != len(config.RootFS.DiffIDs) {
		t.Fatalf("%d layers (%v), %+v", len(layers), err, manifest)
	}
	for i, layer := range layers {
		packed, err := layer.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		if digest, size, err := v1.SHA256(packed); err != nil || digest != manifest.Layers[i].Digest || size != manifest.Layers[i].Size {
			t.Errorf("layer %+v is %s, %d bytes (%v)", manifest.Layers[i], digest, size, err)
		}
		files, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		if digest, _, err := v1.SHA256(files); err != nil || digest != config.RootFS.DiffIDs[i] {
			t.Errorf("the files of layer %d are %s (%v), want %s", i, digest, err, config.RootFS.DiffIDs[i])
		}
	}
}

func TestConfiguration(t *testing.T) {
	image := made(t, Compressed, example(t))
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.OS != "linux" || config.Architecture != "arm64" || !config.Created.Equal(spec.Created) {
		t.Errorf("%+v", config)
	}
	c := config.Config
	if c.User != Nonroot || !slices.Equal(c.Entrypoint, spec.Entrypoint) || !slices.Equal(c.Cmd, spec.Cmd) || c.WorkingDir != "/" ||
		c.Labels["org.opencontainers.image.version"] != "v1" {
		t.Errorf("%+v", c)
	}
	manifest, err := image.Manifest()
	if err != nil || manifest.Annotations["org.opencontainers.image.version"] != "v1" {
		t.Errorf("%+v, %v", manifest, err)
	}
}

func TestFilesOfALayer(t *testing.T) {
	layer, err := Plain(example(t))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var got []string
	contents := map[string]string{}
	for r := tar.NewReader(stream); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, header.Name)
		contents[header.Name] = string(data)
		if header.Name == "tmp/" && header.Mode != 0o1777 {
			t.Errorf("/tmp has mode %o", header.Mode)
		}
	}
	if want := []string{"etc/", "tmp/", "usr/", "usr/bin/", "etc/passwd", "usr/bin/program"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if contents["usr/bin/program"] != "machine code" || contents["etc/passwd"] != "root" {
		t.Errorf("%q", contents)
	}
}

func TestSameInputSameBytes(t *testing.T) {
	for kind, pack := range map[string]func([]File) (v1.Layer, error){"plain": Plain, "compressed": Compressed} {
		files := example(t)
		first, err := os.ReadFile(archived(t, made(t, pack, files)))
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(files)
		second, err := os.ReadFile(archived(t, made(t, pack, files)))
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s: archives differ (%v)", kind, err)
		}
	}
}

func TestImageOnABaseKeepsItsLayers(t *testing.T) {
	base := made(t, Compressed, []File{{Path: "/base", Mode: 0o644}})
	layer, err := Compressed(example(t))
	if err != nil {
		t.Fatal(err)
	}
	image, err := Build(spec, base, layer)
	if err != nil {
		t.Fatal(err)
	}
	checkBlobs(t, image)
	contents := filesIn(t, image)
	if !slices.Contains(contents, "base") || !slices.Contains(contents, "usr/bin/program") {
		t.Errorf("%v", contents)
	}
}

// filesIn lists what a container of the image sees.
func filesIn(t *testing.T, image v1.Image) (found []string) {
	t.Helper()
	stream := mutate.Extract(image)
	defer stream.Close()
	for r := tar.NewReader(stream); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, header.Name)
	}
}

// A missing file of a layer is an error where the layer is made, and names the file.
func TestMissingSource(t *testing.T) {
	for _, pack := range []func([]File) (v1.Layer, error){Plain, Compressed} {
		if _, err := pack([]File{{Path: "/x", Source: "/does/not/exist"}}); err == nil || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v", err)
		}
	}
}

func TestRootfsHasAuthorities(t *testing.T) {
	files, err := Rootfs()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(files, func(f File) bool { return f.Path == certificateBundle })
	if i < 0 {
		t.Fatalf("no %s", certificateBundle)
	}
	if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(files[i].Content) {
		t.Error("no certificate in it")
	}
	if !slices.ContainsFunc(files, func(f File) bool {
		return f.Path == "/etc/passwd" && bytes.Contains(f.Content, []byte("nonroot:x:65532:65532:"))
	}) {
		t.Error("no user 65532")
	}
}
