package docs_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/semver"
	"sigs.k8s.io/yaml"
)

// report is what a conformance report says of itself.
type report struct {
	Extension      string `json:"GatewayAPIInferenceExtensionVersion"`
	Channel        string `json:"gatewayAPIChannel"`
	API            string `json:"gatewayAPIVersion"`
	Mode           string `json:"mode"`
	Implementation struct {
		Organization, Project, URL, Version string
		Contact                             []string
	} `json:"implementation"`
	Profiles []struct {
		Name string `json:"name"`
		Core struct {
			Result string `json:"result"`
		} `json:"core"`
		Extended *struct {
			Result string `json:"result"`
		} `json:"extended"`
	} `json:"profiles"`
}

// fromBefore are reports of the time before they carried a version. The next run of make reports writes others; then
// the line goes.
var fromBefore = []string{
	"inference/v1.6.0/gateway/kedify-inference-gateway/inference-main-default-report.yaml",
	"v1.6/kedify-inference-gateway/experimental-main-default-report.yaml",
	"v1.6/kedify-inference-gateway/standard-main-default-report.yaml",
	"v1.7/kedify-inference-gateway/experimental-main-default-report.yaml",
	"v1.7/kedify-inference-gateway/standard-ab3b668ac168-default-report.yaml",
}

var inTable = regexp.MustCompile(`\]\(\./([\w.-]+\.yaml)\)`)

// TestReportsSayTheirVersion holds the reports to the rules of the two projects that publish such reports: a version that
// is SemVer and no branch, a name made of channel, version and mode, a row in the table of the folder.
func TestReportsSayTheirVersion(t *testing.T) {
	reports := filepath.Join(root, "conformance", "reports")
	files, err := filepath.Glob(filepath.Join(reports, "v*", "*", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	inference, err := filepath.Glob(filepath.Join(reports, "inference", "v*", "*", "*", "*.yaml"))
	if err != nil || len(files) == 0 || len(inference) == 0 {
		t.Fatalf("%v, %v, %v", files, inference, err)
	}
	seen := map[string]bool{}
	for _, file := range slices.Concat(files, inference) {
		relative, err := filepath.Rel(reports, file)
		if err != nil {
			t.Fatal(err)
		}
		slash := filepath.ToSlash(relative)
		seen[slash] = true
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range problemsOfReport(slash, text) {
			t.Errorf("%s: %s", slash, problem)
		}
		readme, err := os.ReadFile(filepath.Join(filepath.Dir(file), "README.md"))
		if err != nil || !strings.Contains(string(readme), "](./"+path.Base(slash)+")") {
			t.Errorf("%s has no row in the table of its folder (%v)", slash, err)
		}
		for _, row := range inTable.FindAllStringSubmatch(string(readme), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), row[1])); err != nil {
				t.Errorf("%s/README.md: %v", path.Dir(slash), err)
			}
		}
	}
	for _, old := range fromBefore {
		if !seen[old] {
			t.Errorf("%s is gone: take it out of fromBefore", old)
		}
	}
}

func problemsOfReport(slash string, text []byte) (problems []string) {
	var r report
	if err := yaml.Unmarshal(text, &r); err != nil {
		return []string{err.Error()}
	}
	version := r.Implementation.Version
	if !slices.Contains(fromBefore, slash) {
		if !semver.IsValid(version) || strings.HasSuffix(version, "-modified") {
			problems = append(problems, "version "+version+" is no version that can be found again")
		}
		want := r.Channel + "-" + version + "-" + r.Mode + "-report.yaml"
		if r.Extension != "" {
			want = r.Channel + "-" + version + "-" + r.Mode + "-gateway-report.yaml"
		}
		if path.Base(slash) != want {
			problems = append(problems, "it is to be called "+want)
		}
	}
	folder := semver.MajorMinor(r.API)
	if r.Extension != "" {
		folder = "inference/" + r.Extension
	}
	if !strings.HasPrefix(slash, folder+"/") {
		problems = append(problems, "it is about "+folder)
	}
	if i := r.Implementation; i.Organization == "" || i.Project == "" || i.URL == "" || len(i.Contact) == 0 {
		problems = append(problems, "it does not say what it is about")
	}
	for _, profile := range r.Profiles {
		if profile.Core.Result != "success" || profile.Extended != nil && profile.Extended.Result != "success" {
			problems = append(problems, profile.Name+" is no success")
		}
	}
	if len(r.Profiles) == 0 || r.Extension != "" && len(r.Profiles) != 1 {
		problems = append(problems, "profiles are missing, or too many")
	}
	return problems
}

// A report that names a branch, or that has another name than its content, is found.
func TestReportOfABranchIsRefused(t *testing.T) {
	const folder = "v1.7/kedify-inference-gateway/"
	good := "gatewayAPIChannel: standard\ngatewayAPIVersion: v1.7.0\nmode: default\n" +
		"profiles: [{name: GATEWAY-HTTP, core: {result: success}}]\n" +
		"implementation: {organization: a, project: b, url: c, contact: [d], version: v0.1.0-dev-de95902f5250}\n"
	if problems := problemsOfReport(folder+"standard-v0.1.0-dev-de95902f5250-default-report.yaml", []byte(good)); problems != nil {
		t.Errorf("%v", problems)
	}
	for name, text := range map[string]string{
		"standard-main-default-report.yaml":                         strings.Replace(good, "v0.1.0-dev-de95902f5250", "main", 1),
		"standard-v0.1.0-default-report.yaml":                       good,
		"experimental-v0.1.0-dev-de95902f5250-default-report.yaml":  good,
		"../v1.8/x/standard-v0.1.0-dev-de95902f5250-default-report": strings.Replace(good, "v1.7.0", "v1.8.0", 1),
	} {
		if problems := problemsOfReport(folder+name, []byte(text)); len(problems) == 0 {
			t.Errorf("%s is accepted", name)
		}
	}
}
