package charts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPreviousChart: the chart that the upgrade test begins with is that of the commit which charts/previous names. A clone
// without that part of the history cannot tell; the archive has to be complete there as well.
func TestPreviousChart(t *testing.T) {
	is := filesOf(t, exec.Command("cat", "previous.tgz"), "-xz")
	if len(is) < 20 || is["charts/kedify-gateway/Chart.yaml"] == "" {
		t.Fatalf("%d files in previous.tgz", len(is))
	}
	reference, err := os.ReadFile("previous")
	if err != nil {
		t.Fatal(err)
	}
	commit := strings.TrimSpace(string(reference))
	if err := exec.Command("git", "cat-file", "-e", commit+"^{commit}").Run(); err != nil {
		t.Logf("this clone has no commit %s", commit)
		return
	}
	archive := exec.Command("git", "archive", "--format=tar", commit, "charts/kedify-gateway")
	archive.Dir = ".."
	want := filesOf(t, archive, "-x")
	for name, text := range want {
		if is[name] != text {
			t.Errorf("%s of previous.tgz is not that of %s: make previous-chart", name, commit)
		}
	}
	if len(is) != len(want) {
		t.Errorf("previous.tgz has %d files, %s has %d: make previous-chart", len(is), commit, len(want))
	}
}

// filesOf unpacks what a command prints and reads it.
func filesOf(t *testing.T, command *exec.Cmd, unpack string) map[string]string {
	t.Helper()
	archive, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %v", command, err)
	}
	folder := t.TempDir()
	tar := exec.Command("tar", unpack, "-C", folder)
	tar.Stdin = strings.NewReader(string(archive))
	if out, err := tar.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	files := map[string]string{}
	err = filepath.WalkDir(folder, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		files[strings.TrimPrefix(name, folder+"/")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
