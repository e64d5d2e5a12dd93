// Package crds makes the complete chart of CRDs. Its part in the repository, charts/kedify-gateway-crds, has neither
// the product's CRDs, which are in charts/kedify-gateway/crds, nor those of others, which are in modules.
//
// Job: charts/kedify-gateway-crds with every CRD, as a folder that Helm installs and packages.
// Inputs: the clone, and the Go modules of Gateway API and of the Inference Extension.
// Outputs: a folder. Each channel of Gateway API is a chart in it: Helm keeps the files of such charts out of its record
// of the release, a Secret of 1 MiB at most, in which they would not fit (docs/adr/0053-charts.md).
// Ownership: one goroutine.
package crds

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kedify/inference-gateway/hack/install/module"
)

const (
	// Name of the chart.
	Name = "kedify-gateway-crds"

	// Current is the version of Gateway API that the product is built against.
	Current = "v1.7"

	gatewayAPI = "sigs.k8s.io/gateway-api"
	extension  = "sigs.k8s.io/gateway-api-inference-extension"
)

// bundle is CRDs that a module carries, and the chart that they become.
type bundle struct {
	chart, about string
	// folder is below config/crd of the module.
	module, folder string
}

var bundles = []bundle{
	{"gateway-api-standard", "CRDs of Gateway API, standard channel", gatewayAPI, "standard"},
	{"gateway-api-experimental", "CRDs of Gateway API, experimental channel", gatewayAPI, "experimental"},
	{"inference-extension", "CRDs of the Gateway API Inference Extension", extension, "bases"},
}

// Write makes the chart in the folder out, which it replaces. It reads the clone at root. With a version of Gateway
// API other than Current, the CRDs are those of the module that conformance/<version>.mod names.
func Write(ctx context.Context, root, out, version string) error {
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.CopyFS(out, os.DirFS(filepath.Join(root, "charts", Name))); err != nil {
		return fmt.Errorf("copy the chart: %w", err)
	}
	own := filepath.Join(root, "charts/kedify-gateway/crds/*.yaml")
	if err := templates(own, filepath.Join(out, "templates")); err != nil {
		return err
	}
	for _, b := range bundles {
		if err := b.write(ctx, root, filepath.Join(out, "charts", b.chart), version); err != nil {
			return fmt.Errorf("chart %s: %w", b.chart, err)
		}
	}
	return nil
}

func (b bundle) write(ctx context.Context, root, out, version string) error {
	var flags []string
	if b.module == gatewayAPI && version != Current {
		flags = []string{"-modfile=" + version + ".mod"}
	}
	sources, err := module.Folder(ctx, filepath.Join(root, "conformance"), b.module, flags...)
	if err != nil {
		return err
	}
	if err := templates(filepath.Join(sources, "config/crd", b.folder, "*_*.yaml"), filepath.Join(out, "templates")); err != nil {
		return err
	}
	_, release, found := strings.Cut(filepath.Base(sources), "@")
	if !found {
		return fmt.Errorf("%s is no folder of the module cache: it has no version", sources)
	}
	about, err := yaml.Marshal(map[string]string{
		"apiVersion": "v2", "type": "application", "name": b.chart, "description": b.about,
		"version": strings.TrimPrefix(release, "v"), "appVersion": release,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "Chart.yaml"), about, 0o644)
}
