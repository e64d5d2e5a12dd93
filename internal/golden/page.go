package golden

import (
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Page compares a part of a page with what it should be, or writes it there on request (GOLDEN=update). The part is between
// the comments "<!-- name: ... -->" and "<!-- end of name -->", each on a line of its own.
func Page(t testing.TB, path, name, want string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.QuoteMeta(name)
	part := regexp.MustCompile(`(?s)<!-- ` + quoted + `:[^\n]*?-->\n(.*?)<!-- end of ` + quoted + ` -->\n`).FindSubmatchIndex(text)
	if part == nil {
		t.Fatalf("%s has no place for %q", path, name)
	}
	page := string(text[:part[2]]) + want + string(text[part[3]:])
	if Updating() {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(text), page); diff != "" {
		t.Errorf("%s (- file, + now); GOLDEN=update rewrites it:\n%s", path, diff)
	}
}
