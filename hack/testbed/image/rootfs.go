package image

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/kedify/inference-gateway/hack/testbed/build"
)

// certificateBundle is where Go programs and Envoy look for authorities.
const certificateBundle = "/etc/ssl/certs/ca-certificates.crt"

const passwd = `root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
`

const group = `root:x:0:
nobody:x:65534:
nonroot:x:65532:
`

// Files lists the content of an image whose binary is the given file.
func (i Image) Files(binary string) ([]File, error) {
	files := []File{
		{Path: i.Path, Mode: 0o755, Source: binary},
		{Path: "/etc/passwd", Mode: 0o644, Content: []byte(passwd)},
		{Path: "/etc/group", Mode: 0o644, Content: []byte(group)},
		{Path: "/etc/nsswitch.conf", Mode: 0o644, Content: []byte("hosts: files dns\n")},
	}
	files = append(files, i.Extra...)
	bundle, err := os.ReadFile(certificateBundle)
	switch {
	case err == nil:
		files = append(files, File{Path: certificateBundle, Mode: 0o644, Content: bundle})
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if i.Dynamic {
		libraries, err := sharedLibraries(binary)
		if err != nil {
			return nil, err
		}
		files = append(files, libraries...)
	}
	if i.TimeZones {
		zones, err := timeZones()
		if err != nil {
			return nil, err
		}
		files = append(files, zones...)
	}
	return files, nil
}

// sharedLibraries finds what a dynamically linked binary loads: from the folder
// that came with it, else from this machine. The machine's libraries keep their
// paths; all are where the loader searches.
func sharedLibraries(binary string) ([]File, error) {
	own := filepath.Join(filepath.Dir(binary), build.LibraryFolder)
	cmd := exec.Command("ldd", binary)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+own)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("ldd %s: %w", filepath.Base(binary), err)
	}
	paths, err := parseLDD(out)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, source := range paths {
		target := source
		if filepath.Dir(source) == own {
			target = path.Join("/usr/lib", filepath.Base(source))
		}
		files = append(files, File{Path: target, Mode: 0o755, Source: source})
	}
	return files, nil
}

// parseLDD reads lines of the forms "lib => /path (0x…)", "/loader (0x…)",
// "linux-vdso.so.1 (0x…)" and "lib => not found".
func parseLDD(out []byte) ([]string, error) {
	var paths []string
	for line := range bytes.Lines(out) {
		fields := strings.Fields(string(line))
		switch {
		case len(fields) >= 3 && fields[1] == "=>" && filepath.IsAbs(fields[2]):
			paths = append(paths, fields[2])
		case len(fields) >= 3 && fields[1] == "=>":
			return nil, fmt.Errorf("library %s is missing on this machine", fields[0])
		case len(fields) == 2 && filepath.IsAbs(fields[0]):
			paths = append(paths, fields[0])
		}
	}
	return paths, nil
}
