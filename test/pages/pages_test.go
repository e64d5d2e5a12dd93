package pages

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const page = "<!-- commands: TestPages/shop -->\n# Shop\n\n```sh\nfirst\nsecond\n```\n\n```yaml\na: b\n```\n\n" +
	"<!-- not run: needs kind -->\n```sh\nkind create cluster\n```\n\n<!-- block: last -->\n```sh\nthird\n```\n"

func TestBlocks(t *testing.T) {
	want := []Block{
		{Line: 4, Code: "first\nsecond\n"},
		{Line: 14, Code: "kind create cluster\n", NotRun: "needs kind"},
		{Line: 19, Name: "last", Code: "third\n"},
	}
	if diff := cmp.Diff(want, Blocks(page)); diff != "" {
		t.Error(diff)
	}
	if got := Blocks(page)[0].First(); got != "first" {
		t.Errorf("the first line is %q", got)
	}
	if got := Script(page); got != "first\nsecond\nthird\n" {
		t.Errorf("the script is %q", got)
	}
	if got := Test(page); got != "TestPages/shop" {
		t.Errorf("the test is %q", got)
	}
	if got := Test("# Shop\n"); got != "" {
		t.Errorf("a page without commands names %q", got)
	}
}
