package sbom

import (
	"bytes"
	"testing"
	"time"

	spdx "github.com/spdx/tools-golang/json"

	"github.com/kedify/inference-gateway/hack/release/licenses"
	"github.com/kedify/inference-gateway/hack/source"
)

var program = Program{
	Source:   source.Tree{Version: "v0.1.0", Revision: "de95902f525047035a35f95406de267bbd2b5f8f", Time: time.Unix(1_800_000_000, 0)},
	Platform: "linux/arm64", SHA256: "00ff",
	Modules: []licenses.Module{
		{Path: "example.org/a", Version: "v1.2.3+incompatible", SPDX: []string{"Apache-2.0", "MIT"}},
		{Path: "std", Version: "go1.27.3", SPDX: []string{"BSD-3-Clause"}},
	},
}

func TestDocumentIsReadAsItWasMeant(t *testing.T) {
	text, err := Document(program)
	if err != nil {
		t.Fatal(err)
	}
	read, err := spdx.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(read.Packages) != 3 || len(read.Relationships) != 3 {
		t.Fatalf("%d packages, %d relationships", len(read.Packages), len(read.Relationships))
	}
	for i, want := range []struct{ version, license, locator string }{
		{"v0.1.0", "Apache-2.0", "pkg:golang/github.com/kedify/inference-gateway@v0.1.0"},
		{"v1.2.3+incompatible", "Apache-2.0 AND MIT", "pkg:golang/example.org/a@v1.2.3%2Bincompatible"},
		{"1.27.3", "BSD-3-Clause", "pkg:golang/stdlib@1.27.3"},
	} {
		p := read.Packages[i]
		locator := p.PackageExternalReferences[0].Locator
		if p.PackageVersion != want.version || p.PackageLicenseConcluded != want.license || locator != want.locator {
			t.Errorf("%+v, %s", p, locator)
		}
	}
	if read.CreationInfo.Created != "2027-01-15T08:00:00Z" {
		t.Errorf("created %s: the time is that of the source", read.CreationInfo.Created)
	}
}

func TestSameProgramSameDocument(t *testing.T) {
	first, err := Document(program)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := Document(program); err != nil || !bytes.Equal(first, second) {
		t.Errorf("documents differ (%v)", err)
	}
}
