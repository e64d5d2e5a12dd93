package golden

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const file = "a: 1 # not a section\n# A comment of several words\nb: 2\n\n# IR\nx: 1\n\n# Status\ny: 2\n"

func written(t *testing.T, text string) *Case {
	t.Helper()
	directory := t.TempDir()
	if err := os.WriteFile(filepath.Join(directory, "case.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(t, directory)[0]
}

func TestParse(t *testing.T) {
	c := written(t, file)
	if got := string(c.Input); got != "a: 1 # not a section\n# A comment of several words\nb: 2\n\n" {
		t.Errorf("input %q", got)
	}
	if len(c.Sections) != 2 || c.Sections[0] != (Section{"IR", "x: 1\n"}) || c.Sections[1] != (Section{"Status", "y: 2\n"}) {
		t.Errorf("sections %q", c.Sections)
	}
}

func TestCompare(t *testing.T) {
	for name, c := range map[string]struct {
		got  []Section
		want string
	}{
		"equal":   {[]Section{{"IR", "x: 1\n"}, {"Status", "y: 2\n"}}, ""},
		"differs": {[]Section{{"IR", "x: 2\n"}, {"Status", "y: 2\n"}}, "# IR differs"},
		"orphan":  {[]Section{{"IR", "x: 1\n"}}, "# Status is an orphan"},
		"missing": {[]Section{{"IR", "x: 1\n"}, {"Status", "y: 2\n"}, {"Envoy", ""}}, "# Envoy is missing"},
	} {
		problems := strings.Join(written(t, file).compare(c.got), "\n")
		if (c.want == "") != (problems == "") || !strings.Contains(problems, c.want) {
			t.Errorf("%s: %q, want %q", name, problems, c.want)
		}
	}
}

func TestUpdate(t *testing.T) {
	t.Setenv("GOLDEN", "update")
	c := written(t, file)
	c.Check(t, Section{"IR", "x: 3"})
	data, err := os.ReadFile(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	want := "a: 1 # not a section\n# A comment of several words\nb: 2\n\n# IR\nx: 3\n"
	if string(data) != want {
		t.Errorf("rewritten file %q, want %q", data, want)
	}
	c = parseFile(t, c.Path)
	if problems := c.compare([]Section{{"IR", "x: 3\n"}}); len(problems) > 0 {
		t.Errorf("after the update: %q", problems)
	}
}

func parseFile(t *testing.T, path string) *Case {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return parse(data)
}
