package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/kedify/inference-gateway/hack/oci"
	"github.com/kedify/inference-gateway/hack/release/sbom"
	"github.com/kedify/inference-gateway/hack/source"
)

var long = flag.Bool("long", false, "build the product itself, not the small one: minutes without a build cache")

// product is a checkout of what is to be released.
func product(t *testing.T) string {
	t.Helper()
	if !*long {
		return checkout(t)
	}
	folder := filepath.Join(t.TempDir(), "clone")
	git(t, root, "clone", "-q", "--no-hardlinks", ".", folder)
	return folder
}

// The same commit in another folder gives the same image; what is pushed is what was written, and its program runs.
func TestImageIsReproducibleAndRuns(t *testing.T) {
	folder := product(t)
	r := releaserOf(t, folder)
	address := serveRegistry(t)
	if err := r.image(t.Context(), imageOptions{name: repository, push: address + "/kedify/gateway"}); err != nil {
		t.Fatal(err)
	}
	written := layoutOf(t, r)
	tree := treeOf(t, folder)
	pulled := pull(t, address+"/kedify/gateway:"+tree.Version)
	if digest(t, pulled) != digest(t, written) {
		t.Errorf("pushed %s, written %s", digest(t, pulled), digest(t, written))
	}
	if err := validate.Index(pulled); err != nil {
		t.Error(err)
	}

	other := filepath.Join(t.TempDir(), "elsewhere", "and", "deeper")
	git(t, folder, "clone", "-q", "--no-hardlinks", ".", other)
	again := releaserOf(t, other)
	if err := again.image(t.Context(), imageOptions{name: repository}); err != nil {
		t.Fatal(err)
	}
	if digest(t, layoutOf(t, again)) != digest(t, written) {
		t.Errorf("the same commit is %s in one folder and %s in another", digest(t, written), digest(t, layoutOf(t, again)))
	}
	program := filepath.Join(t.TempDir(), "kedify-gateway")
	if err := os.WriteFile(program, content(t, imageFor(t, pulled, runtime.GOARCH), "kedify-gateway"), 0o700); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command(program, "version").Output()
	if err != nil || !strings.Contains(string(text), tree.Version) || !strings.Contains(string(text), tree.Revision) {
		t.Errorf("version says %q (%v), want %s and %s", text, err, tree.Version, tree.Revision)
	}
}

func TestImageSaysWhatItIs(t *testing.T) {
	folder := checkout(t)
	r := releaserOf(t, folder)
	if err := r.image(t.Context(), imageOptions{name: "example.org/own/name"}); err != nil {
		t.Fatal(err)
	}
	tree := treeOf(t, folder)
	for _, p := range platforms {
		image := imageFor(t, layoutOf(t, r), p.arch)
		config, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if config.Architecture != p.arch || config.OS != "linux" || config.Config.User != "65532:65532" ||
			!slices.Equal(config.Config.Entrypoint, []string{"/kedify-gateway"}) || !config.Created.Equal(tree.Time) {
			t.Errorf("%+v", config)
		}
		manifest, err := image.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]string{
			"org.opencontainers.image.version": tree.Version, "org.opencontainers.image.revision": tree.Revision,
			"org.opencontainers.image.source": source.Project, "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
		} {
			if config.Config.Labels[key] != want || manifest.Annotations[key] != want {
				t.Errorf("%s: label %q, annotation %q, want %q", key, config.Config.Labels[key], manifest.Annotations[key], want)
			}
		}
		list := string(content(t, image, "licenses/THIRD_PARTY"))
		if !strings.Contains(list, "golang.org/x/mod v0.42.0 BSD-3-Clause\n") || !strings.Contains(list, "\nstd go") {
			t.Errorf("%s", list)
		}
		for _, file := range []string{
			"licenses/LICENSE", "licenses/golang.org/x/mod/LICENSE", "licenses/std/LICENSE", "etc/ssl/certs/ca-certificates.crt",
		} {
			if len(content(t, image, file)) == 0 {
				t.Errorf("no %s", file)
			}
		}
	}
	for _, archive := range []string{"kedify-gateway-linux-amd64.tar", "kedify-gateway-linux-arm64.tar"} {
		data, err := os.ReadFile(filepath.Join(r.out, "image", archive))
		if err != nil || !bytes.Contains(data, []byte(`"RepoTags":["example.org/own/name:`+tree.Version+`"]`)) {
			t.Errorf("%s: %v", archive, err)
		}
	}
}

// Registries that list referrers, and those that do not yet: the bill of materials is found by the image's digest.
func TestBillOfMaterialsIsFound(t *testing.T) {
	folder := checkout(t)
	for _, supported := range []bool{true, false} {
		address := serveRegistry(t, registry.WithReferrersSupport(supported))
		r := releaserOf(t, folder)
		if err := r.image(t.Context(), imageOptions{name: repository, push: address + "/x:v1"}); err != nil {
			t.Fatal(err)
		}
		image := imageFor(t, pull(t, address+"/x:v1"), "arm64")
		about, err := image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		reference, err := name.NewDigest(address + "/x@" + about.String())
		if err != nil {
			t.Fatal(err)
		}
		found, err := remote.Referrers(reference)
		if err != nil {
			t.Fatal(err)
		}
		list, err := found.IndexManifest()
		if err != nil || len(list.Manifests) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		attached, err := remote.Image(reference.Context().Digest(list.Manifests[0].Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := attached.Manifest()
		if err != nil || manifest.ArtifactType != sbom.MediaType || manifest.Subject.Digest != about {
			t.Errorf("%+v, %v", manifest, err)
		}
		checkBill(t, attached, treeOf(t, folder).Version)
	}
}

func checkBill(t *testing.T, attached v1.Image, version string) {
	t.Helper()
	layers, err := attached.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%v, %v", layers, err)
	}
	stream, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var document struct {
		SPDXVersion string `json:"spdxVersion"`
		Packages    []struct{ Name, VersionInfo string }
	}
	if err := json.NewDecoder(stream).Decode(&document); err != nil {
		t.Fatal(err)
	}
	if document.SPDXVersion != "SPDX-2.3" || len(document.Packages) != 3 || document.Packages[0].VersionInfo != version ||
		document.Packages[1].Name != "golang.org/x/mod" {
		t.Errorf("%+v", document)
	}
}

func TestImageOnABase(t *testing.T) {
	address := serveRegistry(t)
	layer, err := oci.Compressed([]oci.File{{Path: "/base", Mode: 0o644, Content: []byte("of the base")}})
	if err != nil {
		t.Fatal(err)
	}
	base, err := oci.Build(oci.Spec{Architecture: "amd64"}, nil, layer)
	if err != nil {
		t.Fatal(err)
	}
	reference, err := name.ParseReference(address + "/base:v1")
	if err := errors.Join(err, remote.Write(reference, base)); err != nil {
		t.Fatal(err)
	}
	r := releaserOf(t, checkout(t))
	if err := r.image(t.Context(), imageOptions{name: repository, base: address + "/base:v1"}); err != nil {
		t.Fatal(err)
	}
	image := imageFor(t, layoutOf(t, r), "amd64")
	if got := content(t, image, "base"); string(got) != "of the base" {
		t.Errorf("%q", got)
	}
	manifest, err := image.Manifest()
	if err != nil || manifest.Annotations["org.opencontainers.image.base.name"] != address+"/base:v1" {
		t.Errorf("%+v, %v", manifest, err)
	}
}

func TestNamesThatCannotBePushed(t *testing.T) {
	r := releaserOf(t, checkout(t))
	err := r.image(t.Context(), imageOptions{name: repository, push: "not a name"})
	if err == nil || !strings.Contains(err.Error(), "not a name") {
		t.Errorf("%v", err)
	}
}

// serveRegistry serves a registry on the loopback address and returns host:port.
func serveRegistry(t *testing.T, options ...registry.Option) string {
	t.Helper()
	server := httptest.NewServer(registry.New(append(options, registry.Logger(log.New(io.Discard, "", 0)))...))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func pull(t *testing.T, reference string) v1.ImageIndex {
	t.Helper()
	parsed, err := name.ParseReference(reference)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(parsed)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// layoutOf is the image in the layout that was written: the first entry; the others are about it.
func layoutOf(t *testing.T, r *releaser) v1.ImageIndex {
	t.Helper()
	path, err := layout.FromPath(filepath.Join(r.out, "image", "layout"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := path.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	list, err := all.IndexManifest()
	if err != nil || len(list.Manifests) != 1+len(platforms) {
		t.Fatalf("%+v, %v", list, err)
	}
	index, err := all.ImageIndex(list.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func digest(t *testing.T, index v1.ImageIndex) string {
	t.Helper()
	found, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return found.String()
}

func imageFor(t *testing.T, index v1.ImageIndex, arch string) v1.Image {
	t.Helper()
	list, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range list.Manifests {
		if entry.Platform != nil && entry.Platform.OS == "linux" && entry.Platform.Architecture == arch {
			image, err := index.Image(entry.Digest)
			if err != nil {
				t.Fatal(err)
			}
			return image
		}
	}
	t.Fatalf("no image for %s in %+v", arch, list)
	return nil
}

// content is a file as a container of the image sees it.
func content(t *testing.T, image v1.Image, file string) []byte {
	t.Helper()
	stream := mutate.Extract(image)
	defer stream.Close()
	for r := tar.NewReader(stream); ; {
		header, err := r.Next()
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if header.Name == file {
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
}
