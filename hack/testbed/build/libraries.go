package build

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/kedify/inference-gateway/hack/testbed/progress"
)

// manager installs the libraries of one language.
type manager string

const (
	pip   manager = "pip"
	npm   manager = "npm"
	maven manager = "maven"
)

// recipe is how a manager installs.
type recipe struct {
	// inputs are patterns of the files that name the libraries with their versions, or are compiled.
	inputs []string
	// result is the folder that is there in the end.
	result string
	// commands, with the folders of the inputs and of the results. They run in the second.
	commands func(in, out string) [][]string
}

var recipes = map[manager]recipe{
	pip: {
		inputs: []string{"requirements.txt"}, result: "lib",
		commands: func(in, _ string) [][]string {
			return [][]string{{
				"python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:",
				"--target", "lib", "--requirement", filepath.Join(in, "requirements.txt"),
			}}
		},
	},
	npm: {
		inputs: []string{"package.json", "package-lock.json"}, result: "node_modules",
		commands: func(in, out string) [][]string {
			return [][]string{
				{"cp", filepath.Join(in, "package.json"), filepath.Join(in, "package-lock.json"), out},
				{"npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"},
			}
		},
	},
	maven: {
		inputs: []string{"pom.xml", "*.java"}, result: "classes",
		commands: func(in, out string) [][]string {
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
	for _, argv := range recipes[c.Libraries].commands(in, out) {
		command := exec.CommandContext(ctx, argv[0], argv[1:]...)
		command.Dir, command.Env = out, os.Environ()
		if text, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", argv[0], err, text)
		}
	}
	return nil
}
