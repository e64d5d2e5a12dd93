// Package sbom says what a program is made of, in SPDX 2.3.
//
// Job: one document per program: the program, its modules, the standard library, and which module depends on which.
// Inputs: the source, the platform, the digest of the program, its modules with their licences. No clock: the time is the source's.
// Outputs: JSON that is the same for the same input.
// Ownership: none.
package sbom

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"

	spdx "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/kedify/inference-gateway/hack/release/licenses"
	"github.com/kedify/inference-gateway/hack/source"
)

// MediaType is that of the documents.
const MediaType = "application/spdx+json"

// Program is a program that is described.
type Program struct {
	Source   source.Tree
	Platform string // as in linux/amd64
	SHA256   string // of the binary, in hexadecimal
	Modules  []licenses.Module
}

// Document describes a program.
func Document(p Program) ([]byte, error) {
	product := &v2_3.Package{
		PackageName: "kedify-gateway", PackageSPDXIdentifier: "kedify-gateway", PackageVersion: p.Source.Version,
		PackageSupplier:         &common.Supplier{SupplierType: "Organization", Supplier: "kedify"},
		PackageDownloadLocation: "git+" + source.Project + "@" + strings.TrimSuffix(p.Source.Revision, "+dirty"),
		PackageLicenseConcluded: "Apache-2.0", PackageLicenseDeclared: "Apache-2.0", PackageCopyrightText: noAssertion,
		PackageChecksums:          []common.Checksum{{Algorithm: common.SHA256, Value: p.SHA256}},
		PrimaryPackagePurpose:     "APPLICATION",
		PackageExternalReferences: []*v2_3.PackageExternalReference{locator(source.Module, p.Source.Version)},
	}
	document := &v2_3.Document{
		SPDXVersion: v2_3.Version, DataLicense: v2_3.DataLicense, SPDXIdentifier: "DOCUMENT",
		DocumentName:      "kedify-gateway " + p.Source.Version + " " + p.Platform,
		DocumentNamespace: fmt.Sprintf("%s/spdx/%s/%s/%s", source.Project, p.Source.Version, p.Platform, p.SHA256),
		CreationInfo: &v2_3.CreationInfo{
			Created:  p.Source.Time.UTC().Format(time.RFC3339),
			Creators: []common.Creator{{CreatorType: "Organization", Creator: "kedify"}, {CreatorType: "Tool", Creator: "hack/release"}},
		},
		Packages:      []*v2_3.Package{product},
		Relationships: []*v2_3.Relationship{relate("DOCUMENT", "DESCRIBES", product.PackageSPDXIdentifier)},
	}
	for _, m := range p.Modules {
		document.Packages = append(document.Packages, packageOf(m))
		document.Relationships = append(document.Relationships, relate(product.PackageSPDXIdentifier, "DEPENDS_ON", identifier(m)))
	}
	var out bytes.Buffer
	if err := spdx.Write(document, &out, spdx.Indent(" ")); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

const noAssertion = "NOASSERTION"

func packageOf(m licenses.Module) *v2_3.Package {
	name, version := m.Path, m.Version
	if m.Path == "std" {
		// As scanners name it, with the version of Go.
		name, version = "stdlib", strings.TrimPrefix(m.Version, "go")
	}
	return &v2_3.Package{
		PackageName: name, PackageSPDXIdentifier: identifier(m), PackageVersion: version,
		PackageDownloadLocation: noAssertion, PackageCopyrightText: noAssertion,
		PackageLicenseConcluded: m.Expression(), PackageLicenseDeclared: m.Expression(),
		PackageExternalReferences: []*v2_3.PackageExternalReference{locator(name, version)},
	}
}

// locator is the package URL by which scanners look for vulnerabilities.
func locator(path, version string) *v2_3.PackageExternalReference {
	return &v2_3.PackageExternalReference{
		Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL,
		Locator: "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B"),
	}
}

var notInIdentifiers = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

func identifier(m licenses.Module) common.ElementID {
	return common.ElementID("module-" + notInIdentifiers.ReplaceAllString(m.Path+"-"+m.Version, "-"))
}

func relate(from common.ElementID, how string, to common.ElementID) *v2_3.Relationship {
	return &v2_3.Relationship{
		RefA: common.MakeDocElementID("", string(from)), Relationship: how, RefB: common.MakeDocElementID("", string(to)),
	}
}
