package clients

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// pinned are the files with the versions of libraries, and how a version stands there.
var pinned = map[string]*regexp.Regexp{
	"testdata/python/requirements.txt": regexp.MustCompile(`(?m)^(requests|httpx|aiohttp|websockets|openai|grpcio)==(.+)$`),
	"testdata/node/package.json":       regexp.MustCompile(`"(undici|ws)": "(.+)"`),
	"testdata/java/pom.xml":            regexp.MustCompile(`<artifactId>(httpclient5)</artifactId>\s*<version>(.+)</version>`),
}

// TestPageOfClients: docs/clients.md has all clients, with the versions of their libraries.
func TestPageOfClients(t *testing.T) {
	page, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range All {
		if !strings.Contains(string(page), "\n| `"+client.Name+"` | ") {
			t.Errorf("docs/clients.md has no row for %s", client.Name)
		}
	}
	for file, version := range pinned {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		libraries := version.FindAllStringSubmatch(string(text), -1)
		if len(libraries) == 0 {
			t.Errorf("%s names no library", file)
		}
		for _, l := range libraries {
			if !strings.Contains(string(page), "| "+l[1]+" "+l[2]) {
				t.Errorf("docs/clients.md does not say %s %s, which %s has", l[1], l[2], file)
			}
		}
	}
}

// TestCells: the short form leaves out no exchange, protocol, host or target that a client can have.
func TestCells(t *testing.T) {
	for _, client := range All {
		met := map[any]bool{}
		for _, cell := range client.cells(false) {
			for _, part := range []any{cell.Exchange, cell.Protocol, cell.Host, cell.Target} {
				met[part] = true
			}
		}
		for _, cell := range client.cells(true) {
			for _, part := range []any{cell.Exchange, cell.Protocol, cell.Host, cell.Target} {
				if !met[part] {
					t.Errorf("the short form of %s has no %v", client.Name, part)
					met[part] = true
				}
			}
		}
	}
}
