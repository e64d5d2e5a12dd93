package build

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kedify/inference-gateway/hack/testbed/progress"
)

// manager installs the libraries of one language.
type manager string

const (
	pip   manager = "pip"
	venv  manager = "venv" // a program of Python's, with an interpreter of its own
	npm   manager = "npm"
	maven manager = "maven"
)

// recipe is how a manager installs.
type recipe struct {
	// inputs are patterns of the files that name the libraries with their versions, or are compiled.
	inputs []string
	// result is the folder that is there in the end.
	result string
	// commands, with the folders of the inputs and of the results, and an interpreter of Python. They run in the second.
	commands func(in, out, python string) [][]string
	// oldest is the minor version of Python 3 that will do.
	oldest int
}

var recipes = map[manager]recipe{
	pip: {
		inputs: []string{"requirements.txt"}, result: "lib",
		commands: func(in, _, _ string) [][]string {
			return [][]string{append(pipInstall("python3"), "--target", "lib", "--requirement", filepath.Join(in, "requirements.txt"))}
		},
	},
	venv: {
		inputs: []string{"requirements.txt"}, result: "venv", oldest: 12,
		commands: func(in, _, python string) [][]string {
			return [][]string{
				{python, "-m", "venv", "--without-pip", "venv"},
				append(pipInstall(python, "--python", "venv"), "--requirement", filepath.Join(in, "requirements.txt")),
			}
		},
	},
	npm: {
		inputs: []string{"package.json", "package-lock.json"}, result: "node_modules",
		commands: func(in, out, _ string) [][]string {
			return [][]string{
				{"cp", filepath.Join(in, "package.json"), filepath.Join(in, "package-lock.json"), out},
				{"npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"},
			}
		},
	},
	maven: {
		inputs: []string{"pom.xml", "*.java"}, result: "classes",
		commands: func(in, out, _ string) [][]string {
			sources, _ := filepath.Glob(filepath.Join(in, "*.java"))
			return [][]string{
				{
					"mvn", "--batch-mode", "--quiet", "--file", filepath.Join(in, "pom.xml"), "dependency:copy-dependencies",
					"-DoutputDirectory=" + filepath.Join(out, "lib"),
				},
				append([]string{"javac", "-Xlint:all,-processing", "-Werror", "-d", "classes", "-cp", "lib/*"}, sources...),
			}
		},
	},
}

// pipInstall is pip, with options of its own, up to what it installs: the files that are named and no others.
func pipInstall(python string, options ...string) []string {
	argv := append([]string{python, "-m", "pip", "--disable-pip-version-check"}, options...)
	return append(argv, "install", "--quiet", "--no-deps", "--only-binary=:all:")
}

func (r recipe) files(folder string) (files []string, err error) {
	for _, pattern := range r.inputs {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("no %s in %s", pattern, folder)
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	return files, nil
}

// installLibraries has the package manager of a language do its work in the folder of the results.
func (b *Builder) installLibraries(ctx context.Context, c Component, in, out string, _ *progress.Step) error {
	made := recipes[c.Libraries]
	python := ""
	if made.oldest > 0 {
		var err error
		if python, err = interpreter(ctx, made.oldest); err != nil {
			return err
		}
	}
	for _, argv := range made.commands(in, out, python) {
		command := exec.CommandContext(ctx, argv[0], argv[1:]...)
		command.Dir, command.Env = out, os.Environ()
		if text, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", argv[0], err, text)
		}
	}
	return nil
}

// interpreter is the path of a Python 3 with at least a minor version. Where the command is pyenv's, the variable
// has it take the newest one that is installed.
func interpreter(ctx context.Context, oldest int) (string, error) {
	for _, name := range []string{"python3", "python3.14", "python3.13", "python3.12"} {
		command := exec.CommandContext(ctx, name, "-c", "import sys; print(sys.version_info[1], sys.executable)")
		command.Env = append(os.Environ(), "PYENV_VERSION="+strings.TrimPrefix(name, "python"))
		text, err := command.Output()
		minor, path, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
		if number, wrong := strconv.Atoi(minor); err == nil && wrong == nil && number >= oldest {
			return path, nil
		}
	}
	return "", fmt.Errorf("no Python 3.%d or newer on the PATH", oldest)
}
