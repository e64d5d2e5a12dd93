// Package golden keeps test cases that a person can read: one YAML file holds the input and
// everything that must come out of it.
//
// Job: load cases, compare sections, rewrite them on request. Inputs: the YAML files of a
// directory. Outputs: test failures with a diff. Ownership: used by tests only, one case per
// goroutine.
//
// A case is a file like this; a line of "# " and one capitalised word starts a section:
//
//	kind: HTTPRoute            # input documents, separated by ---
//	...
//	# IR
//	...
//	# Status
//	...
//
// GOLDEN=update rewrites the sections and leaves the input as it is. A section of the file
// that the test does not produce is a failure, as is a directory without cases. Files whose
// names begin with "_" are no cases (shared defaults).
package golden

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Section is one named part of the expectation. Body is YAML.
type Section struct {
	Name string
	Body string
}

// Case is one file.
type Case struct {
	// Name is the file name without its extension, Path the file.
	Name, Path string
	// Input is everything before the first section.
	Input []byte
	// Sections are the expectation, in the order of the file.
	Sections []Section
}

var header = regexp.MustCompile(`(?m)^# ([A-Z][A-Za-z]*)[ \t]*$`)

// Updating reports whether cases are to be rewritten.
func Updating() bool { return os.Getenv("GOLDEN") == "update" }

// Load reads the cases of a directory, in the order of their names.
func Load(t testing.TB, directory string) []*Case {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(directory, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []*Case
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		if strings.HasPrefix(name, "_") {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c := parse(data)
		c.Name, c.Path = name, path
		cases = append(cases, c)
	}
	if len(cases) == 0 {
		t.Fatalf("no golden cases in %s", directory)
	}
	return cases
}

// Run runs one subtest per case of a directory. Each returns what came out.
func Run(t *testing.T, directory string, test func(*testing.T, *Case) []Section) {
	t.Helper()
	for _, c := range Load(t, directory) {
		t.Run(c.Name, func(t *testing.T) {
			c.Check(t, test(t, c)...)
		})
	}
}

func parse(data []byte) *Case {
	marks := header.FindAllSubmatchIndex(data, -1)
	if len(marks) == 0 {
		return &Case{Input: data}
	}
	c := &Case{Input: data[:marks[0][0]]}
	for i, mark := range marks {
		end := len(data)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		c.Sections = append(c.Sections, Section{
			Name: string(data[mark[2]:mark[3]]),
			Body: trim(string(data[mark[1]:end])),
		})
	}
	return c
}

// trim makes bodies comparable: no blank lines around them, one newline at the end.
func trim(body string) string {
	body = strings.Trim(body, "\n")
	if body == "" {
		return ""
	}
	return body + "\n"
}

// Check compares what came out with the file, or rewrites the file.
func (c *Case) Check(t testing.TB, got ...Section) {
	t.Helper()
	for i := range got {
		got[i].Body = trim(got[i].Body)
	}
	if Updating() {
		if err := os.WriteFile(c.Path, c.format(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, problem := range c.compare(got) {
		t.Error(problem)
	}
}

func (c *Case) compare(got []Section) []string {
	want := make(map[string]string, len(c.Sections))
	for _, section := range c.Sections {
		want[section.Name] = section.Body
	}
	var problems []string
	for _, section := range got {
		body, ok := want[section.Name]
		delete(want, section.Name)
		switch {
		case !ok:
			problems = append(problems, c.Path+": section # "+section.Name+" is missing (GOLDEN=update writes it)")
		case body != section.Body:
			problems = append(problems, c.Path+": # "+section.Name+" differs (- file, + now):\n"+cmp.Diff(body, section.Body))
		}
	}
	for name := range want {
		problems = append(problems, c.Path+": section # "+name+" is an orphan, nothing produces it")
	}
	return problems
}

func (c *Case) format(sections []Section) []byte {
	var out bytes.Buffer
	out.Write(bytes.TrimRight(c.Input, "\n"))
	out.WriteByte('\n')
	for _, section := range sections {
		out.WriteString("\n# " + section.Name + "\n" + section.Body)
	}
	return out.Bytes()
}
