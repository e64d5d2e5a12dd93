package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// readTar returns the contents by name, and the names in order.
func readTar(t *testing.T, data []byte) (map[string][]byte, []*tar.Header) {
	t.Helper()
	contents := map[string][]byte{}
	var headers []*tar.Header
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return contents, headers
		}
		if err != nil {
			t.Fatal(err)
		}
		if contents[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		headers = append(headers, h)
	}
}

func pack(t *testing.T, spec Spec, files []File) []byte {
	t.Helper()
	target := filepath.Join(t.TempDir(), "image.tar")
	if err := WriteArchive(target, spec, files); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Dir(target)); len(left) != 1 {
		t.Errorf("temporary files are left: %v", left)
	}
	return data
}

func example(t *testing.T) (Spec, []File) {
	binary := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(binary, []byte("machine code"), 0o755); err != nil {
		t.Fatal(err)
	}
	return Spec{Names: []string{"example.org/a:1", "example.org/b:2"}, Entrypoint: []string{"/usr/bin/program"}, User: nonroot},
		[]File{
			{Path: "/usr/bin/program", Mode: 0o755, Source: binary},
			{Path: "/etc/passwd", Mode: 0o644, Content: []byte("root")},
		}
}

func TestArchiveIsAConsistentLayout(t *testing.T) {
	spec, packed := example(t)
	contents, _ := readTar(t, pack(t, spec, packed))
	var list index
	unmarshal(t, contents["index.json"], &list)
	if len(list.Manifests) != 2 || list.Manifests[0].Digest != list.Manifests[1].Digest {
		t.Fatalf("two names must share one manifest: %+v", list.Manifests)
	}
	if name := list.Manifests[1].Annotations["io.containerd.image.name"]; name != "example.org/b:2" {
		t.Errorf("name %q", name)
	}
	var m manifest
	unmarshal(t, blob(t, contents, list.Manifests[0]), &m)
	layer := blob(t, contents, m.Layers[0])
	var c configFile
	unmarshal(t, blob(t, contents, m.Config), &c)
	if c.RootFS.DiffIDs[0] != m.Layers[0].Digest {
		t.Error("the layer is not compressed, so both digests are one")
	}
	if c.Config.User != nonroot || !slices.Equal(c.Config.Entrypoint, []string{"/usr/bin/program"}) {
		t.Errorf("config %+v", c.Config)
	}
	files, headers := readTar(t, layer)
	if string(files["usr/bin/program"]) != "machine code" || string(files["etc/passwd"]) != "root" {
		t.Error("content differs")
	}
	var names []string
	for _, h := range headers {
		names = append(names, h.Name)
		if h.Name == "tmp/" && h.Mode != 0o1777 {
			t.Errorf("/tmp has mode %o", h.Mode)
		}
	}
	if want := []string{"etc/", "tmp/", "usr/", "usr/bin/", "etc/passwd", "usr/bin/program"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

func TestSameInputSameBytes(t *testing.T) {
	spec, files := example(t)
	first := pack(t, spec, files)
	slices.Reverse(files)
	if !bytes.Equal(first, pack(t, spec, files)) {
		t.Error("archives differ")
	}
}

func TestPackerKeepsOneOrAll(t *testing.T) {
	spec, files := example(t)
	image := Image{Name: "x", Path: "/x", Spec: spec}
	for _, single := range []bool{false, true} {
		p := Packer{Dir: t.TempDir(), Single: single}
		first, err := p.Pack(image, files[0].Source)
		if err != nil {
			t.Fatal(err)
		}
		again, err := p.Pack(image, files[0].Source)
		if err != nil || again != first {
			t.Fatalf("%s, %v: not from the cache", again, err)
		}
		if err := os.WriteFile(files[0].Source, []byte(strings.Repeat("new code", 2)), 0o755); err != nil {
			t.Fatal(err)
		}
		second, err := p.Pack(image, files[0].Source)
		if err != nil || second == first {
			t.Fatalf("%s, %v: changed content, same archive", second, err)
		}
		if _, err := os.Stat(first); (err != nil) != single {
			t.Errorf("single %v: old archive: %v", single, err)
		}
		if err := os.WriteFile(files[0].Source, []byte("machine code"), 0o755); err != nil {
			t.Fatal(err)
		}
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

func unmarshal(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%v in %q", err, data)
	}
}

// blob checks digest and size on the way.
func blob(t *testing.T, contents map[string][]byte, d descriptor) []byte {
	t.Helper()
	data, found := contents[blobPath(d)]
	sum := sha256.Sum256(data)
	if !found || digest(sum[:]) != d.Digest || int64(len(data)) != d.Size {
		t.Fatalf("blob %+v: found %v, %d bytes", d, found, len(data))
	}
	return data
}
