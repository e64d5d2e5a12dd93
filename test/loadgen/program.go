package loadgen

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/hack/testbed/build"
)

// component of the testbed.
const component = "inference-perf"

// start is the program, whose script names the folder that it was installed in and not the one where it is.
const start = "from inference_perf import main_cli; main_cli()"

// Program is inference-perf with a tokenizer.
type Program struct{ python, source, tokenizer string }

// Stage is a part of a load: requests come at random times, at a rate per second, for so many seconds.
type Stage struct {
	Rate     float64 `json:"rate"`
	Duration int     `json:"duration"`
}

// Load is what the program sends.
type Load struct {
	// URL of the server, without a path.
	URL   string
	Model string
	// Headers of each request.
	Headers map[string]string
	// Stages instead of those of testdata/config.yaml.
	Stages []Stage
}

// Install brings the program from the testbed's cache, or into it, and makes its tokenizer. root is the clone.
func Install(t testing.TB, root string) *Program {
	t.Helper()
	root, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := build.Install(t.Context(), root, component)
	if err != nil {
		t.Fatal(err)
	}
	p := &Program{
		python:    filepath.Join(folder, "venv", "bin", "python3"),
		source:    filepath.Join(root, "test", "loadgen", "testdata"),
		tokenizer: filepath.Join(t.TempDir(), "tokenizer"),
	}
	p.run(t, filepath.Join(p.source, "tokenizer.py"), p.tokenizer)
	return p
}

// Run sends a load and returns what the program reports of it.
func (p *Program) Run(t testing.TB, load Load) Report {
	t.Helper()
	folder := t.TempDir()
	argv := []string{
		"-c", start, "--config_file", filepath.Join(p.source, "config.yaml"), "--server.base_url", load.URL,
		"--server.model_name", load.Model, "--tokenizer.pretrained_model_name_or_path", p.tokenizer, "--storage.local_storage.path", folder,
	}
	if len(load.Headers) > 0 {
		argv = append(argv, "--api.headers", asJSON(t, load.Headers))
	}
	if len(load.Stages) > 0 {
		argv = append(argv, "--load.stages", asJSON(t, load.Stages))
	}
	p.run(t, argv...)
	report, err := Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// run runs the program's interpreter to its end. The machine's settings for proxies are not those of the cluster.
func (p *Program) run(t testing.TB, argv ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), p.python, argv...)
	command.Env = append(os.Environ(), "HF_HUB_OFFLINE=1", "PYTHONDONTWRITEBYTECODE=1", "NO_PROXY=*", "no_proxy=*")
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, text)
	}
}

func asJSON(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
