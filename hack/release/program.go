package main

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kedify/inference-gateway/hack/oci"
	"github.com/kedify/inference-gateway/hack/release/licenses"
	"github.com/kedify/inference-gateway/hack/source"
)

// programName is the name of the product's program, in images and archives.
const programName = "kedify-gateway"

// platform is what a program runs on, in the words of Go.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

// program is the product, built for one platform.
type program struct {
	platform platform
	path     string
	modules  []licenses.Module
}

// build compiles the product. Static, without paths of this machine and for the oldest processors of the architecture:
// the same source and toolchain give the same bytes on every machine. What the go command would read from git depends on how
// much of the history a clone has; the flags of source.Tree say it instead.
func (r *releaser) build(ctx context.Context, tree source.Tree, p platform, folder string) (program, error) {
	path := filepath.Join(folder, p.os+"-"+p.arch, programName)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly",
		"-ldflags="+tree.LDFlags(), "-o", path, source.Product)
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.os, "GOARCH="+p.arch, "GOAMD64=v1", "GOARM64=v8.0",
		"GOWORK=off", "GOFLAGS=", "GOEXPERIMENT=", "GOFIPS140=off", "GOTOOLCHAIN=auto")
	if text, err := cmd.CombinedOutput(); err != nil {
		return program{}, fmt.Errorf("build for %s: %w\n%s", p, err, text)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return program{}, err
	}
	var paths []string
	for _, module := range info.Deps {
		paths = append(paths, module.Path)
	}
	modules, err := licenses.Collect(ctx, r.root, paths)
	if err != nil {
		return program{}, fmt.Errorf("licences of what the program is built from: %w", err)
	}
	return program{platform: p, path: path, modules: modules}, nil
}

// licenseFolder has the licences in an image.
const licenseFolder = "/licenses"

// notices are the licence files below a folder: the product's own, a list, and those of all modules.
func (r *releaser) notices(p program, folder string) []oci.File {
	var list strings.Builder
	list.WriteString("kedify-gateway is under the Apache License 2.0 (LICENSE). The modules that it is built from, with their\n" +
		"licences in the words of SPDX; the files are in the folders of the same names.\n\n")
	files := []oci.File{{Path: folder + "/LICENSE", Mode: 0o644, Source: filepath.Join(r.root, "LICENSE")}}
	for _, module := range p.modules {
		fmt.Fprintf(&list, "%s %s %s\n", module.Path, module.Version, module.Expression())
		for _, file := range module.Files {
			files = append(files, oci.File{Path: folder + "/" + module.Path + "/" + file.Name, Mode: 0o644, Source: file.Source})
		}
	}
	return append(files, oci.File{Path: folder + "/THIRD_PARTY", Mode: 0o644, Content: []byte(list.String())})
}

// sha256sum is the digest of a file, in hexadecimal.
func sha256sum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
