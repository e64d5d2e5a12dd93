package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const promisesPage = "test/README.md"

var (
	promisesPart = regexp.MustCompile(`(?s)<!-- promises -->\n(.*)<!-- end of promises -->`)
	promiseRow   = regexp.MustCompile(`(?m)^\| ([TGSXA]\d+) \| (.+) \| (.+) \|$`)
	namedTest    = regexp.MustCompile("`([\\w/]+)` `(Test\\w+)(?:/([^`]+))?`")
	unproven     = regexp.MustCompile(`not proven: \w+`)
)

// numberedPromises are the promises that the page has a row for.
func numberedPromises() (all []string) {
	for _, span := range [][2]int{{20, 25}, {40, 55}, {60, 62}, {93, 93}} {
		for n := span[0]; n <= span[1]; n++ {
			all = append(all, fmt.Sprint("T", n))
		}
	}
	return all
}

// Each numbered promise has a row with tests that exist in the folder that is named, or with a sentence that
// says what none of them proves.
func TestNumberedPromisesHaveTests(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, promisesPage))
	if err != nil {
		t.Fatal(err)
	}
	part := promisesPart.FindSubmatch(text)
	if part == nil {
		t.Fatalf("%s has no table of promises", promisesPage)
	}
	rows := map[string]string{}
	for _, row := range promiseRow.FindAllStringSubmatch(string(part[1]), -1) {
		if rows[row[1]] != "" {
			t.Errorf("%s has two rows for %s", promisesPage, row[1])
		}
		rows[row[1]] = row[3]
	}
	sources := map[string]string{}
	all := numberedPromises()
	for number := range rows {
		if number[0] != 'T' { // what was a fault has a row as soon as it has a test
			all = append(all, number)
		}
	}
	for _, number := range all {
		named := namedTest.FindAllStringSubmatch(rows[number], -1)
		if len(named) == 0 && !unproven.MatchString(rows[number]) {
			t.Errorf("%s names no test of %s, and does not say that there is none", promisesPage, number)
		}
		if quotes := strings.Count(rows[number], "`"); quotes != 4*len(named) {
			t.Errorf("%s: the row of %s has more than folders and tests: %s", promisesPage, number, rows[number])
		}
		for _, test := range named {
			if problem := missing(testsIn(t, sources, test[1]), test[2], test[3]); problem != "" {
				t.Errorf("%s, %s: %s has no %s", promisesPage, number, test[1], problem)
			}
		}
		delete(rows, number)
	}
	for number := range rows {
		t.Errorf("%s has a row for %s, which is no promise", promisesPage, number)
	}
}

// missing is what of a test and its case is not in the source of a package.
func missing(source, test, one string) string {
	switch {
	case !strings.Contains(source, "\nfunc "+test+"("):
		return test
	case one != "" && !strings.Contains(source, `"`+one+`"`):
		return test + "/" + one
	}
	return ""
}

// testsIn is the source of the tests of a folder.
func testsIn(t *testing.T, known map[string]string, folder string) string {
	t.Helper()
	if source, has := known[folder]; has {
		return source
	}
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	known[folder] = source.String()
	return known[folder]
}
