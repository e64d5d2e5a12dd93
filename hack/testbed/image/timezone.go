package image

import (
	"archive/zip"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kedify/inference-gateway/hack/oci"
)

// zoneFolder is the first place where Go programs look.
const zoneFolder = "/usr/share/zoneinfo/"

// timeZones is the time zone database of the toolchain, file by file: not
// every machine has one of its own.
func timeZones() ([]oci.File, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("where is Go: %w", err)
	}
	database, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		return nil, err
	}
	defer database.Close()
	var files []oci.File
	for _, entry := range database.File {
		if entry.FileInfo().IsDir() {
			continue
		}
		content, err := readEntry(entry)
		if err != nil {
			return nil, fmt.Errorf("time zone %s: %w", entry.Name, err)
		}
		files = append(files, oci.File{Path: zoneFolder + entry.Name, Mode: 0o644, Content: content})
	}
	return files, nil
}

func readEntry(entry *zip.File) ([]byte, error) {
	r, err := entry.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
