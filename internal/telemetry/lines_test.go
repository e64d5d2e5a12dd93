package telemetry

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// objectKey is the key of a log line that names an object.
var objectKey = regexp.MustCompile(`(?:Info|Error|WithValues)\([^;]*"object",[^;]*`)

// namesKind: the line has the kind, or a value that begins with it.
var namesKind = regexp.MustCompile(`"kind",|"type",|describe\(|\.Source\.String\(\)`)

// A line of the log that names an object says of which kind it is.
func TestObjectsHaveKinds(t *testing.T) {
	found := 0
	for _, folder := range []string{"cmd", "controllers", "scaler", "webhook", "wiring", "xds"} {
		err := filepath.WalkDir(filepath.Join("..", "..", folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			// A statement ends with its line, unless that ends with a comma.
			statements := strings.ReplaceAll(strings.ReplaceAll(string(text), ",\n", ", "), "\n", ";\n")
			for _, line := range objectKey.FindAllString(statements, -1) {
				found++
				if !namesKind.MatchString(line) {
					t.Errorf("%s: %s", path, line)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 10 {
		t.Errorf("%d lines found: the test does not see them", found)
	}
}
