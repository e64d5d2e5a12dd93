package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var (
	asksForAddress = regexp.MustCompile(`(?m)^ADDRESS=\$\(kubectl -n (\S+) get gateway (\S+) -o .*$`)
	usesAddress    = regexp.MustCompile(`\$ADDRESS(?::(\d+))?`)
)

// An example that asks a Gateway for its address says how to reach it in a cluster without load balancers, and on a
// machine outside of the cluster's network: through the API server, at the port that the commands below use.
func TestExamplesNeedNoLoadBalancer(t *testing.T) {
	found := 0
	for _, folder := range exampleFolders(t, "*") {
		page := filepath.Join(folder, "README.md")
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		asked := asksForAddress.FindSubmatchIndex(text)
		if asked == nil {
			continue
		}
		found++
		namespace, gateway, below := text[asked[2]:asked[3]], text[asked[4]:asked[5]], text[asked[1]:]
		ways := map[string]bool{}
		for _, use := range usesAddress.FindAllSubmatch(below, -1) {
			ways[string(use[1])] = true
		}
		for port := range ways {
			forwarded := port + " & ADDRESS=localhost"
			if port == "" {
				forwarded = "8000:80 & ADDRESS=localhost:8000"
			}
			line := fmt.Sprintf("\n# where the cluster gives out no such address: kubectl -n %s port-forward service/%s-kedify %s\n",
				namespace, gateway, forwarded)
			if !regexp.MustCompile(`^` + regexp.QuoteMeta(line)).Match(below) {
				t.Errorf("%s: the line below the address is not %q", page, line)
			}
		}
	}
	if found < 10 {
		t.Errorf("%d examples ask for an address: are they still found?", found)
	}
}
