package image

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/hack/oci"
	"github.com/kedify/inference-gateway/hack/testbed/build"
)

func TestEveryRowCanBeBuiltAndNoNameIsTwice(t *testing.T) {
	for _, standIn := range []bool{true, false} {
		seen := map[string]string{}
		for _, row := range Table(Options{LWEPPAsEPP: standIn}) {
			if row.Component != build.Gateway {
				c, err := build.Lookup(row.Component)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Contains(c.Binaries(), row.Binary) {
					t.Errorf("%s: component %s has no binary %s", row.Name, c.Name, row.Binary)
				}
			}
			for _, name := range row.Names {
				if other := seen[name]; other != "" {
					t.Errorf("%s and %s are both %s", other, row.Name, name)
				}
				seen[name] = row.Name
			}
			if row.Spec.Entrypoint[0] != row.Path {
				t.Errorf("%s: entrypoint %v, binary at %s", row.Name, row.Spec.Entrypoint, row.Path)
			}
		}
		want := "lwepp"
		if standIn {
			want = "lwepp-as-epp"
		}
		if seen[lwepp] != want {
			t.Errorf("stand-in %v: %s comes from %s", standIn, lwepp, seen[lwepp])
		}
	}
}

// The name that KEDA's manifests ask for, what is built, and what the build
// calls itself are three spellings of one version.
func TestKEDAHasOneVersion(t *testing.T) {
	keda, err := build.Lookup("keda")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range kedaRows() {
		if want := "ghcr.io/kedacore/" + row.Name + ":" + keda.Version; row.Names[0] != want {
			t.Errorf("%s, want %s", row.Names[0], want)
		}
	}
	if !strings.HasSuffix(keda.LDFlags, "="+keda.Version) {
		t.Errorf("it calls itself %s", keda.LDFlags)
	}
	module, err := os.ReadFile(filepath.Join("..", "components", "keda", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(module), "github.com/kedacore/keda/v2 v"+keda.Version+" ") {
		t.Error("its module requires another")
	}
}

// Of Istio's module only the name of the image says which version it is: it has pseudo-versions.
func TestForeignConsumersHaveOneVersion(t *testing.T) {
	images := map[string]string{"contour": "ghcr.io/projectcontour/contour:v", "istiod": "docker.io/istio/pilot:"}
	for _, row := range foreignRows() {
		prefix, released := images[row.Name]
		if !released {
			continue
		}
		c, err := build.Lookup(row.Component)
		if err != nil {
			t.Fatal(err)
		}
		if want := prefix + c.Version; row.Names[0] != want {
			t.Errorf("%s, want %s", row.Names[0], want)
		}
		if !strings.HasSuffix(c.LDFlags, c.Version) {
			t.Errorf("%s calls itself %s", row.Name, c.LDFlags)
		}
	}
	module, err := os.ReadFile(filepath.Join("..", "components", "contour", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if contour, _ := build.Lookup("contour"); !strings.Contains(string(module), "github.com/projectcontour/contour v"+contour.Version+" ") {
		t.Error("Contour's module requires another")
	}
}

// The library came with the program, so the machine need not have it.
func TestLibrariesThatCameWithAProgramAreWhereTheLoaderSearches(t *testing.T) {
	dir := t.TempDir()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	machine, err := sharedLibraries(shell)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(machine, func(f oci.File) bool { return strings.HasPrefix(filepath.Base(f.Path), "libc.so") })
	if i < 0 {
		t.Fatalf("no libc among %v", machine)
	}
	libc := machine[i].Path
	program, own := filepath.Join(dir, "sh"), filepath.Join(dir, build.LibraryFolder, filepath.Base(libc))
	if err := errors.Join(os.Mkdir(filepath.Dir(own), 0o755), copyFile(shell, program), copyFile(libc, own)); err != nil {
		t.Fatal(err)
	}
	files, err := sharedLibraries(program)
	if err != nil {
		t.Fatal(err)
	}
	want := oci.File{Path: "/usr/lib/" + filepath.Base(libc), Mode: 0o755, Source: own}
	if !slices.ContainsFunc(files, func(f oci.File) bool { return f.Path == want.Path && f.Source == want.Source }) {
		t.Errorf("%+v is not among %+v", want, files)
	}
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}

func TestTimeZones(t *testing.T) {
	zones, err := timeZones()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(zones, func(f oci.File) bool { return f.Path == "/usr/share/zoneinfo/Europe/Prague" })
	if i < 0 {
		t.Fatal("no Prague")
	}
	if location, err := time.LoadLocationFromTZData("Prague", zones[i].Content); err != nil || location.String() != "Prague" {
		t.Errorf("%v, %v", location, err)
	}
}

func TestProfiles(t *testing.T) {
	rows := Table(Options{LWEPPAsEPP: true})
	for profile, want := range map[string]string{
		Minimal:     "pause coredns envoy gateway",
		Inference:   "pause coredns envoy gateway echo-basic epp llm-d-inference-sim",
		Conformance: "pause coredns envoy gateway echo-basic epp lwepp-as-epp",
		KEDA:        "pause coredns envoy gateway echo-basic keda keda-metrics-apiserver keda-admission-webhooks",
		Full:        "pause coredns envoy gateway echo-basic epp llm-d-inference-sim keda keda-metrics-apiserver keda-admission-webhooks",
		Autowire: "pause coredns envoy gateway echo-basic epp llm-d-inference-sim keda keda-metrics-apiserver keda-admission-webhooks " +
			"contour istiod haproxy haproxy-routes",
	} {
		images, err := ForProfile(rows, profile)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, i := range images {
			names = append(names, i.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: got %s, want %s", profile, got, want)
		}
	}
	if _, err := ForProfile(rows, "nonsense"); err == nil {
		t.Error("no error")
	}
	if _, err := ByName(rows, []string{"epp", "nonsense"}); err == nil {
		t.Error("no error")
	}
}
