package image

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/kedify/inference-gateway/hack/oci"
	"github.com/kedify/inference-gateway/hack/testbed/build"
)

// Files lists the content of an image whose binary is the given file.
func (i Image) Files(binary string) ([]oci.File, error) {
	files, err := oci.Rootfs()
	if err != nil {
		return nil, err
	}
	files = append(files, oci.File{Path: i.Path, Mode: 0o755, Source: binary})
	files = append(files, i.Extra...)
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
func sharedLibraries(binary string) ([]oci.File, error) {
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
	var files []oci.File
	for _, source := range paths {
		target := source
		if filepath.Dir(source) == own {
			target = path.Join("/usr/lib", filepath.Base(source))
		}
		files = append(files, oci.File{Path: target, Mode: 0o755, Source: source})
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
