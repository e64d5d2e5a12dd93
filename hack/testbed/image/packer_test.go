package image

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/kedify/inference-gateway/hack/oci"
)

func example(t *testing.T) (Image, string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(binary, []byte("machine code"), 0o755); err != nil {
		t.Fatal(err)
	}
	return Image{Name: "x", Path: "/x", Names: []string{"example.org/a:1", "example.org/b:2"},
		Spec: oci.Spec{Architecture: "amd64", User: nonroot, Entrypoint: []string{"/x"}}}, binary
}

func TestPackerKeepsOneOrAll(t *testing.T) {
	image, binary := example(t)
	for _, single := range []bool{false, true} {
		p := Packer{Dir: t.TempDir(), Single: single}
		first, err := p.Pack(image, binary)
		if err != nil {
			t.Fatal(err)
		}
		again, err := p.Pack(image, binary)
		if err != nil || again != first {
			t.Fatalf("%s, %v: not from the cache", again, err)
		}
		if err := os.WriteFile(binary, []byte(strings.Repeat("new code", 2)), 0o755); err != nil {
			t.Fatal(err)
		}
		second, err := p.Pack(image, binary)
		if err != nil || second == first {
			t.Fatalf("%s, %v: changed content, same archive", second, err)
		}
		if _, err := os.Stat(first); (err != nil) != single {
			t.Errorf("single %v: old archive: %v", single, err)
		}
		if err := os.WriteFile(binary, []byte("machine code"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// Another name is another archive: manifests ask for images by it.
func TestNamesArePartOfTheKey(t *testing.T) {
	image, binary := example(t)
	p := Packer{Dir: t.TempDir()}
	first, err := p.Pack(image, binary)
	if err != nil {
		t.Fatal(err)
	}
	image.Names = image.Names[:1]
	if second, err := p.Pack(image, binary); err != nil || second == first {
		t.Errorf("%s, %v", second, err)
	}
}

func TestPackedImageIsWhatTheRowSays(t *testing.T) {
	image, binary := example(t)
	archive, err := Packer{Dir: t.TempDir()}.Pack(image, binary)
	if err != nil {
		t.Fatal(err)
	}
	names, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(archive) })
	if err != nil || !slices.Equal(names[0].RepoTags, image.Names) {
		t.Errorf("%v, %v", names, err)
	}
	packed, err := tarball.ImageFromPath(archive, nil)
	if err != nil {
		t.Fatal(err)
	}
	config, err := packed.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != nonroot || !slices.Equal(config.Config.Entrypoint, []string{"/x"}) || config.Architecture != "amd64" {
		t.Errorf("%+v", config)
	}
}

func TestParseLDD(t *testing.T) {
	got, err := parseLDD([]byte("\tlinux-vdso.so.1 (0x0)\n\tlibm.so.6 => /lib/libm.so.6 (0x1)\n\t/lib64/ld.so.2 (0x2)\n"))
	if want := []string{"/lib/libm.so.6", "/lib64/ld.so.2"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := parseLDD([]byte("\tlibx.so => not found\n")); err == nil {
		t.Error("a missing library must be said")
	}
}
