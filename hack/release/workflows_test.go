package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// workflow is what these tests know of a workflow of GitHub.
type workflow struct {
	Name        string            `json:"name"`
	On          any               `json:"on"`
	Permissions map[string]string `json:"permissions"`
	Concurrency any               `json:"concurrency"`
	Jobs        map[string]job    `json:"jobs"`
}

type job struct {
	Uses        string            `json:"uses"`
	Needs       string            `json:"needs"`
	RunsOn      string            `json:"runs-on"`
	Timeout     int               `json:"timeout-minutes"`
	Permissions map[string]string `json:"permissions"`
	Env         map[string]string `json:"env"`
	Steps       []step            `json:"steps"`
}

type step struct {
	Name string            `json:"name"`
	If   string            `json:"if"`
	Uses string            `json:"uses"`
	With map[string]string `json:"with"`
	Env  map[string]string `json:"env"`
	Run  string            `json:"run"`
}

// workflows reads all of them, strictly: a misspelt key is an error here, not a step that never runs.
func workflows(t *testing.T) map[string]workflow {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*"))
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v", files, err)
	}
	read := map[string]workflow{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// YAML 1.1 takes the key for a boolean.
		text = bytes.Replace(text, []byte("\non:\n"), []byte("\n\"on\":\n"), 1)
		var one workflow
		if err := yaml.UnmarshalStrict(text, &one); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		read[filepath.Base(file)] = one
	}
	return read
}

var (
	makeCommand = regexp.MustCompile(`(?m)(?:^|\s)make ((?:[-\w=/.:]+ ?)+)`)
	makeRule    = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
	pinned      = regexp.MustCompile(`^[\w-]+/[\w-]+@(v\d+|[0-9a-f]{40})$`)
	pathInText  = regexp.MustCompile(`^\.?[\w.-]+(/[\w.-]+)+$`)
)

// problemsOf says what a workflow names that the tree does not have, and what would surprise its reader.
func problemsOf(t *testing.T, one workflow) (problems []string) {
	t.Helper()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, rule := range makeRule.FindAllStringSubmatch(string(makefile), -1) {
		targets = append(targets, rule[1])
	}
	if one.Permissions == nil || one.On == nil {
		problems = append(problems, "it says neither when it runs nor what it may")
	}
	for name, job := range one.Jobs {
		if job.Uses != "" {
			problems = append(problems, missing(job.Uses)...)
			continue
		}
		if job.Timeout == 0 || job.RunsOn == "" {
			problems = append(problems, "job "+name+" has no runner or no end")
		}
		if job.Needs != "" && one.Jobs[job.Needs].Uses == "" && one.Jobs[job.Needs].Steps == nil {
			problems = append(problems, "job "+name+" waits for "+job.Needs+", which is none")
		}
		for _, step := range job.Steps {
			problems = append(problems, problemsOfStep(step, targets)...)
		}
	}
	return problems
}

func problemsOfStep(s step, targets []string) (problems []string) {
	if (s.Uses == "") == (s.Run == "") {
		problems = append(problems, "a step runs nothing, or two things: "+s.Name)
	}
	if s.Uses != "" && !pinned.MatchString(s.Uses) {
		problems = append(problems, s.Uses+" is not pinned by a major version or a commit")
	}
	if file := s.With["go-version-file"]; file != "" {
		problems = append(problems, missing(file)...)
	}
	if strings.Contains(s.Run, "${{") {
		problems = append(problems, "the shell gets text of an event as code; pass it by env: "+s.Run)
	}
	for _, command := range makeCommand.FindAllStringSubmatch(s.Run, -1) {
		for _, word := range strings.Fields(command[1]) {
			if !strings.Contains(word, "=") && !strings.HasPrefix(word, "-") && !slices.Contains(targets, word) {
				problems = append(problems, "make "+word+" is no target")
			}
		}
	}
	for _, word := range strings.Fields(s.Run) {
		first, _, _ := strings.Cut(word, "/")
		if _, err := os.Stat(filepath.Join(root, first)); err == nil && pathInText.MatchString(word) && first != "out" && first != "bin" {
			problems = append(problems, missing(word)...)
		}
	}
	return problems
}

func missing(path string) []string {
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(path))); err != nil {
		return []string{path + " does not exist"}
	}
	return nil
}

func TestWorkflowsNameWhatExists(t *testing.T) {
	for file, one := range workflows(t) {
		for _, problem := range problemsOf(t, one) {
			t.Errorf("%s: %s", file, problem)
		}
	}
}

// The check above finds each of its problems.
func TestWorkflowProblemsAreFound(t *testing.T) {
	steps := func(s step) job { return job{Steps: []step{s}} }
	for want, bad := range map[string]job{
		"make lnt is no target":           steps(step{Run: "sudo env make lnt VERSION=v1"}),
		".ci/gone does not exist":         steps(step{Run: "bash .ci/gone"}),
		"go.version does not exist":       steps(step{Uses: "a/b@v1", With: map[string]string{"go-version-file": "go.version"}}),
		"a/b@main is not pinned":          steps(step{Uses: "a/b@main"}),
		"./.github/workflows/x.yml":       {Uses: "./.github/workflows/x.yml"},
		"the shell gets text of an event": steps(step{Run: "echo ${{ github.ref }}"}),
		"waits for b, which is none":      {Needs: "b"},
		"no runner or no end":             steps(step{Run: "make lint"}),
		"a step runs nothing":             steps(step{Name: "a"}),
		"nor what it may":                 {},
	} {
		if found := strings.Join(problemsOf(t, workflow{Jobs: map[string]job{"a": bad}}), "\n"); !strings.Contains(found, want) {
			t.Errorf("%q is not found in %q", want, found)
		}
	}
}

// A release is made of what the packaging targets write, after everything was tested.
func TestReleaseIsComplete(t *testing.T) {
	release := workflows(t)["release.yml"].Jobs["release"]
	var runs strings.Builder
	for _, step := range release.Steps {
		runs.WriteString(step.Run + "\n")
	}
	for _, want := range []string{
		"make image PUSH=" + repository + "\n", "make chart-package PUSH=oci://", "make release-archives", "release-notes",
		"out/archives/*", "out/packages/*.tgz",
	} {
		if !strings.Contains(runs.String(), want) {
			t.Errorf("the release has no %q", want)
		}
	}
	if release.Needs != "test" || release.Env["VERSION"] != "${{ github.ref_name }}" {
		t.Errorf("%+v", release)
	}
}

// Each module of the tree, and what other package managers bring, is looked after.
func TestDependenciesAreWatched(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, ".github", "dependabot.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Updates []struct {
			Ecosystem   string   `json:"package-ecosystem"`
			Directories []string `json:"directories"`
		} `json:"updates"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	watched := map[string][]string{}
	for _, update := range config.Updates {
		watched[update.Ecosystem] = append(watched[update.Ecosystem], update.Directories...)
	}
	files := map[string]string{"go.mod": "gomod", "package.json": "npm", "requirements.txt": "pip", "pom.xml": "maven"}
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", ".testbed", "bin", "out", "node_modules"}, entry.Name()) {
			return filepath.SkipDir
		}
		ecosystem, dependencies := files[entry.Name()]
		if !dependencies {
			return nil
		}
		relative, err := filepath.Rel(root, filepath.Dir(name))
		folder := "/" + strings.TrimPrefix(filepath.ToSlash(relative), ".")
		if !slices.ContainsFunc(watched[ecosystem], func(pattern string) bool {
			found, err := filepath.Match(pattern, folder)
			return err == nil && found
		}) {
			t.Errorf("%s of %s is not watched", entry.Name(), folder)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(watched["github-actions"]) == 0 {
		t.Error("actions are not watched")
	}
}
