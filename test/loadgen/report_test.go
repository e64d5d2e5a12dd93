package loadgen

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Two stages as the program writes them, without what is not read: one that was answered, one that failed as a whole.
const (
	answered = `{"load_summary": {"count": 20, "requested_rate": 2.0, "achieved_rate": 2.5},
		"successes": {"count": 19,
			"latency": {"request_latency": {"mean": 2.1, "median": 1.25, "p90": 2.5, "p99": 3},
				"time_to_first_token": {"median": 0.0527, "p90": 0.1, "p99": 0.2},
				"inter_token_latency": {"median": 0.0317, "p90": 0.0321, "p99": 0.04}},
			"throughput": {"input_tokens_per_sec": 548.4, "output_tokens_per_sec": 88.6},
			"prompt_tokens": {"total": 5493.0, "cached": 0.0}, "output_tokens": {"total": 880.0},
			"client_fallback_requests": {"prompt": 0, "output": 1}},
		"failures": {"count": 1, "by_label": {"503 - Service Unavailable": {"count": 1, "messages": [{"message": "no healthy upstream"}]}}}}`
	unanswered = `{"load_summary": {"count": 2, "requested_rate": 4.0, "achieved_rate": 4.0},
		"successes": {"count": 0, "latency": {"request_latency": null, "time_to_first_token": null, "inter_token_latency": null},
			"throughput": {"input_tokens_per_sec": 0.0, "output_tokens_per_sec": 0.0},
			"prompt_tokens": {"total": 0.0}, "output_tokens": {"total": 0.0}, "client_fallback_requests": {"prompt": 0, "output": 0}},
		"failures": {"count": 2, "by_label": {}}}`
)

func TestRead(t *testing.T) {
	folder := t.TempDir()
	if _, err := Read(folder); err == nil {
		t.Error("a folder without a report is a report")
	}
	for name, text := range map[string]string{
		"stage_0_lifecycle_metrics.json": answered, "stage_1_lifecycle_metrics.json": unanswered,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	want := Report{
		{
			Rate: 2, Sent: 2.5, Requests: 20, Failed: 1, Failures: []string{"503 - Service Unavailable: no healthy upstream"},
			FirstToken: &Spread{0.0527, 0.1, 0.2}, BetweenTokens: &Spread{0.0317, 0.0321, 0.04}, Latency: &Spread{1.25, 2.5, 3},
			InputRate: 548.4, OutputRate: 88.6, InputTokens: 5493, OutputTokens: 880, Uncounted: 1,
		},
		{Rate: 4, Sent: 4, Requests: 2, Failed: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("- want, + got:\n%s", diff)
	}
	if requests, failed, input, output := got.Sum(); requests != 22 || failed != 3 || input != 5493 || output != 880 {
		t.Errorf("in all %d requests, %d failed, %d tokens in, %d out", requests, failed, input, output)
	}
	const rows = "| 2 | 20 | 1 | 53, 100, 200 | 31.7, 32.1, 40.0 | 1.25, 2.50, 3.00 | 548, 89 |\n| 4 | 2 | 2 | - | - | - | 0, 0 |\n"
	if table := got.Table(); !strings.HasSuffix(table, rows) {
		t.Errorf("the table is\n%s", table)
	}
}

// TestPageOfLoad: the page has the version of the program, and a table with the columns of the report.
func TestPageOfLoad(t *testing.T) {
	pinned, err := os.ReadFile("testdata/requirements.txt")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^inference-perf==(.+)$`).FindSubmatch(pinned)
	page, err := os.ReadFile("../../docs/load.md")
	if err != nil || version == nil {
		t.Fatal(err, version)
	}
	columns, _, _ := strings.Cut(Report{}.Table(), "\n")
	for _, want := range []string{"inference-perf " + string(version[1]), "inference-perf==" + string(version[1]), columns} {
		if !strings.Contains(string(page), want) {
			t.Errorf("docs/load.md does not have %q", want)
		}
	}
}
