// Package conformance runs the suites of Gateway API and of the Gateway API Inference
// Extension, unmodified, against the cluster of KUBECONFIG.
//
// Job: choose profiles, run, report, and keep what explains a failure.
// Inputs: the flags of the suites, -out, -controller-namespace.
// Outputs: <out>/<suite>.yaml (the report in the form the projects publish) and
// <out>/failed/<test>/ (objects, controller logs, what every Envoy was told).
// Ownership: the suites run their tests; nothing here starts a goroutine.
package conformance

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	confv1 "sigs.k8s.io/gateway-api/conformance/apis/v1"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
	"sigs.k8s.io/yaml"
)

var (
	out = flag.String("out", "", "folder for the reports and for what explains failures; a temporary one when empty")

	controllerNamespace = flag.String("controller-namespace", "kedify-system", "namespace of the kedify-gateway controller")
)

// snapshot is a version of the product that both projects accept in a report: a release or a commit, no branch.
var snapshot = regexp.MustCompile(`^(v\d+\.\d+\.\d+(-[\w.-]+)?|[0-9a-f]{7,40})$`)

// implementation is the product, in the words of a published report. A run without -version is no release.
func implementation(t *testing.T, version string) confv1.Implementation {
	t.Helper()
	if version == "" {
		version = "v0.0.0-unversioned"
	}
	require.Regexp(t, snapshot, version, "-version: both projects refuse the name of a branch")
	return confv1.Implementation{
		Organization: "kedify",
		Project:      "inference-gateway",
		URL:          "https://github.com/kedify/inference-gateway",
		Version:      version,
		Contact:      []string{"https://github.com/kedify/inference-gateway/issues"},
	}
}

// cleanupTimeout is how long the suites wait for the end of their namespaces, behind their last test. A Pod of Envoy ends what is in
// flight first, for up to a minute: the 30 s of the suite would fail a run in which every test has passed. No test waits for it.
const cleanupTimeout = 2 * time.Minute

// prepare completes options that flags left open, has failed tests leave evidence, and prints
// the report when t ends.
func prepare(t *testing.T, name string, options *suite.ConformanceOptions, tests []suite.ConformanceTest) {
	t.Helper()
	folder := *out
	if folder == "" {
		folder = t.TempDir()
	}
	require.NoError(t, os.MkdirAll(folder, 0o755))
	options.Implementation = implementation(t, options.Implementation.Version)
	options.TimeoutConfig.DeleteTimeout = cleanupTimeout
	if options.ReportOutputPath == "" {
		options.ReportOutputPath = filepath.Join(folder, name+".yaml")
	}
	// A report left by an earlier run must never be read as this one's.
	require.NoError(t, os.RemoveAll(options.ReportOutputPath))
	evidence{folder: filepath.Join(folder, "failed"), controllers: *controllerNamespace}.observe(tests)
	// Cleanups run last in, first out: the suite's own, which writes the report, comes before.
	t.Cleanup(func() {
		order(t, options.ReportOutputPath)
		summarise(t, options.ReportOutputPath, options.RunTest == "")
	})
}

// order puts the profiles of a report in the order of their names. The suite writes them in the
// order of a map, and two reports of the same results must differ in nothing but the date.
func order(t *testing.T, path string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		return // summarise says so
	}
	report := map[string]any{} // of either suite: nothing of it gets lost
	require.NoError(t, yaml.Unmarshal(raw, &report))
	profiles, _ := report["profiles"].([]any)
	slices.SortFunc(profiles, func(a, b any) int {
		return strings.Compare(fmt.Sprint(a.(map[string]any)["name"]), fmt.Sprint(b.(map[string]any)["name"]))
	})
	ordered, err := yaml.Marshal(report)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, ordered, 0o644))
}

// summarise prints one line per profile and refuses a run that tested nothing or skipped a
// test of a feature it claims.
func summarise(t *testing.T, path string, whole bool) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Errorf("no report: %v", err)
		return
	}
	var report confv1.ConformanceReport
	if err := yaml.Unmarshal(raw, &report); err != nil {
		t.Errorf("report %s: %v", path, err)
		return
	}
	if len(report.ProfileReports) == 0 {
		t.Errorf("report %s has no profile", path)
	}
	for _, profile := range report.ProfileReports {
		line(t, profile.Name+" core", profile.Core)
		if profile.Extended != nil {
			line(t, profile.Name+" extended", profile.Extended.Status)
		}
		ran, skipped := profile.Core.Statistics, profile.Core.Statistics.Skipped
		if profile.Extended != nil {
			skipped += profile.Extended.Statistics.Skipped
		}
		if whole && ran.Passed+ran.Failed == 0 {
			t.Errorf("%s: no core test ran", profile.Name)
		}
		if whole && skipped > 0 {
			t.Errorf("%s: %d tests of claimed features were skipped", profile.Name, skipped)
		}
	}
}

func line(t *testing.T, name string, status confv1.Status) {
	t.Helper()
	n := status.Statistics
	t.Logf("%s: %s, %d passed, %d failed, %d skipped", name, status.Result, n.Passed, n.Failed, n.Skipped)
	if len(status.FailedTests) > 0 {
		t.Logf("%s: failed %v", name, status.FailedTests)
	}
	if len(status.SkippedTests) > 0 {
		t.Logf("%s: skipped %v", name, status.SkippedTests)
	}
}
