package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
	"github.com/kedify/inference-gateway/test/pages"
)

// Commands of the pages of docs/ are run as a user would paste them. TestCommandsAreRunOrListed of docs names those that no
// test runs.

func TestPageQuickstart(t *testing.T) {
	t.Parallel()
	c := cluster.Connect(t)
	// The test of the example has had the same objects, and Kubernetes takes a moment to delete them.
	cluster.Eventually(t, time.Minute, func() error {
		err := c.Get(t.Context(), client.ObjectKey{Name: "http-basic"}, &corev1.Namespace{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(err, errors.New("namespace http-basic is still there"))
	})
	paste(t, "quickstart.md", *root)
}

func TestPageOperate(t *testing.T) {
	cluster.Connect(t)
	paste(t, "operate.md", t.TempDir())
}

// paste runs the commands of a page of docs/ in one shell, which ends with the first that fails.
func paste(t *testing.T, page, folder string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(*root, "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	script := pages.Script(string(text))
	if script == "" {
		t.Fatal("the page has no commands")
	}
	shell := exec.CommandContext(t.Context(), "bash", "-euxo", "pipefail", "-c", script)
	shell.Dir = folder
	output, err := shell.CombinedOutput()
	t.Logf("%s", output)
	if err != nil {
		t.Fatal(err)
	}
}
