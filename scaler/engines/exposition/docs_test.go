package exposition

import (
	"os"
	"strings"
	"testing"
)

// The page of users names what is looked for.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../../../docs/engines.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## Names\n")
	table, _, _ = strings.Cut(table, "\n## ")
	rows := map[Engine]string{}
	for _, line := range strings.Split(table, "\n") {
		for i := range dialects {
			for _, one := range dialects[i].waiting {
				if strings.HasPrefix(line, "| ") && strings.Contains(line, "`"+one.text()+"`") {
					rows[dialects[i].engine] = line
				}
			}
		}
	}
	for i := range dialects {
		for _, one := range append(dialects[i].waiting, dialects[i].cache...) {
			if !strings.Contains(rows[dialects[i].engine], "`"+one.text()+"`") {
				t.Errorf("docs/engines.md has no row with %s of %s", one.text(), dialects[i].engine)
			}
		}
	}
}

func (n name) text() string {
	if n.label == "" {
		return n.metric
	}
	return n.metric + "{" + n.label + "=\"" + n.value + "\"}"
}
