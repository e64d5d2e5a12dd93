// Package licenses finds the licences of what is linked into a program.
//
// Job: for each module of a program, its licence files and the names that SPDX has for them.
// Inputs: modules as a binary's build information names them; the module cache of the go command.
// Outputs: modules in the order of their paths; an error for one without a licence that the product may be shipped with.
// Ownership: none; one run of the go command per call.
package licenses

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	classifier "github.com/google/licenseclassifier/v2"
	"github.com/google/licenseclassifier/v2/assets"
)

// Module is one module of a program. The module of the program itself has no Version here, and the standard library is "std".
type Module struct {
	Path    string
	Version string
	Files   []File
	// SPDX has the identifiers of its licences, sorted; of the file at its root and of those of parts that came from elsewhere.
	SPDX []string
}

// File is one licence file: its path below the module's folder, and the file itself.
type File struct {
	Name   string // slash-separated
	Source string
}

// Expression is the licence in the words of SPDX: all of them apply.
func (m Module) Expression() string { return strings.Join(m.SPDX, " AND ") }

// permitted are the licences of what may be linked into the product: all let it be passed on under its own.
var permitted = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "Unlicense", "Zlib"}

// texts are the licences that are recognised: hundreds, read once.
var texts = sync.OnceValues(assets.DefaultClassifier)

// ErrLicense is the error of a module that must not be shipped as it is: its licence is not recognised, or not one of permitted.
var ErrLicense = errors.New("not a licence that the product is shipped with")

// licenseFile matches what modules call these files.
var licenseFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents|third[-_]party[-_]notices)([.-][\w.-]+)?$`)

// Collect finds the licences of the modules, which are in the build list of the module at root.
func Collect(ctx context.Context, root string, paths []string) ([]Module, error) {
	folders, err := find(ctx, root, paths)
	if err != nil {
		return nil, err
	}
	known, err := texts()
	if err != nil {
		return nil, err
	}
	var problems []error
	for i := range folders {
		module := &folders[i].Module
		if module.Files, err = files(folders[i].dir, module.Path == standard); err != nil {
			return nil, fmt.Errorf("module %s: %w", module.Path, err)
		}
		if err := module.classify(known); err != nil {
			problems = append(problems, err)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	var modules []Module
	for _, f := range folders {
		modules = append(modules, f.Module)
	}
	slices.SortFunc(modules, func(a, b Module) int { return strings.Compare(a.Path, b.Path) })
	return modules, nil
}

// standard is what the go command calls the modules of its standard library.
const standard = "std"

type folder struct {
	Module
	dir string
}

// find asks the go command where the modules are, and downloads those that are not there.
func find(ctx context.Context, root string, paths []string) ([]folder, error) {
	goroot, err := run(ctx, root, "env", "GOROOT", "GOVERSION")
	if err != nil {
		return nil, err
	}
	dir, version, _ := strings.Cut(strings.TrimSpace(string(goroot)), "\n")
	found := []folder{{Module{Path: standard, Version: version}, dir}}
	if len(paths) == 0 {
		return found, nil
	}
	listed, err := run(ctx, root, slices.Concat([]string{"list", "-m", "-json"}, paths)...)
	if err != nil {
		return nil, err
	}
	for decoder := json.NewDecoder(bytes.NewReader(listed)); ; {
		var module struct {
			Path, Version, Dir string
			Main               bool
		}
		err := decoder.Decode(&module)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("go list -m -json: %w", err)
		}
		if module.Dir == "" {
			return nil, fmt.Errorf("module %s %s is not on this machine: go mod download", module.Path, module.Version)
		}
		found = append(found, folder{Module{Path: module.Path, Version: module.Version}, module.Dir})
	}
}

// files lists the licence files of a folder: at its root, and in folders of code from elsewhere. The standard library has one.
func files(dir string, flat bool) (found []File, err error) {
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			skipped := name != dir && (flat || slices.Contains([]string{"testdata", "vendor", "node_modules"}, entry.Name()) || nested(name))
			if skipped || strings.HasPrefix(entry.Name(), ".") || strings.HasPrefix(entry.Name(), "_") {
				return filepath.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() || !licenseFile.MatchString(entry.Name()) || filepath.Ext(entry.Name()) == ".go" {
			return nil
		}
		relative, err := filepath.Rel(dir, name)
		found = append(found, File{Name: filepath.ToSlash(relative), Source: name})
		return err
	})
	return found, err
}

// nested reports whether a folder is a module of its own.
func nested(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// minimum is how sure the classifier must be of a licence.
const minimum = 0.9

// classify names the licences of the module's files.
func (m *Module) classify(known *classifier.Classifier) error {
	for _, file := range m.Files {
		text, err := os.ReadFile(file.Source)
		if err != nil {
			return err
		}
		for _, match := range known.Match(text).Matches {
			if match.MatchType == "License" && match.Confidence >= minimum {
				m.SPDX = append(m.SPDX, match.Name)
			}
		}
	}
	slices.Sort(m.SPDX)
	m.SPDX = slices.Compact(m.SPDX)
	if len(m.SPDX) == 0 {
		return fmt.Errorf("module %s %s: no licence is recognised in %v: %w", m.Path, m.Version, m.Files, ErrLicense)
	}
	for _, name := range m.SPDX {
		if !slices.Contains(permitted, name) {
			return fmt.Errorf("module %s %s: %s: %w", m.Path, m.Version, name, ErrLicense)
		}
	}
	return nil
}

func run(ctx context.Context, root string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOTOOLCHAIN=auto")
	var problem bytes.Buffer
	cmd.Stderr = &problem
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, problem.Bytes())
	}
	return text, nil
}
