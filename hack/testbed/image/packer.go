// Package image is the table of the images of a testbed, and packs them: one layer each, under the names that
// manifests ask for. Archives are kept by content.
package image

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kedify/inference-gateway/hack/oci"
)

// Packer keeps archives in a folder, by content.
type Packer struct {
	Dir    string
	Single bool // keep only the newest archive of an image
}

// Pack returns the archive of the image with this binary, written if needed.
func (p Packer) Pack(i Image, binary string) (string, error) {
	files, err := i.Files(binary)
	if err != nil {
		return "", err
	}
	key, err := contentKey(i, files)
	if err != nil {
		return "", err
	}
	target := filepath.Join(p.Dir, i.Name+"-"+key+".tar")
	if _, err := os.Stat(target); !errors.Is(err, fs.ErrNotExist) {
		return target, err
	}
	if err := os.MkdirAll(p.Dir, 0o755); err != nil {
		return "", err
	}
	if p.Single {
		old, err := filepath.Glob(filepath.Join(p.Dir, i.Name+"-*.tar"))
		if err != nil {
			return "", err
		}
		for _, path := range old {
			if err := os.Remove(path); err != nil {
				return "", err
			}
		}
	}
	layer, err := oci.Plain(files)
	if err != nil {
		return "", err
	}
	packed, err := oci.Build(i.Spec, nil, layer)
	if err != nil {
		return "", err
	}
	return target, oci.WriteArchive(target, packed, i.Names...)
}

// form is the form of the archives; another form has other keys.
const form = 2

// contentKey names an archive without reading its large files: their path
// (in the cache a content key), size and time stand for them.
func contentKey(i Image, files []oci.File) (string, error) {
	hash := sha256.New()
	head, err := json.Marshal(i.Spec)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(hash, "%d %s %q", form, head, i.Names)
	for _, f := range files {
		fmt.Fprintf(hash, "\n%s %o %d ", f.Path, f.Mode, len(f.Content))
		hash.Write(f.Content)
		if f.Source == "" {
			continue
		}
		info, err := os.Stat(f.Source)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%s %d %d", f.Source, info.Size(), info.ModTime().UnixNano())
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}
