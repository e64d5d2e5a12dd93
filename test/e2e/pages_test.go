package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/pages"
)

// TestPages runs the commands of pages of docs/ as a user would paste them: in one shell, which ends with the first that fails.
// `TestCommandsAreRunOrListed` of docs names the commands that no test runs.
func TestPages(t *testing.T) {
	for _, name := range []string{"operate"} {
		t.Run(name, func(t *testing.T) {
			cluster.Connect(t)
			text, err := os.ReadFile(filepath.Join(*root, "docs", name+".md"))
			if err != nil {
				t.Fatal(err)
			}
			script := pages.Script(string(text))
			if script == "" {
				t.Fatal("the page has no commands")
			}
			shell := exec.CommandContext(t.Context(), "bash", "-euxo", "pipefail", "-c", script)
			shell.Dir = t.TempDir()
			output, err := shell.CombinedOutput()
			t.Logf("%s", output)
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
