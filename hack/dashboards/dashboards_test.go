package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

const folder = "../../charts/kedify-gateway/dashboards"

// The files of the chart are what the boards make, and no others.
func TestFilesAreCurrent(t *testing.T) {
	var names []string
	for _, each := range boards {
		names = append(names, each.File)
		want, err := each.render()
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(folder, each.File))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not current (%v): make dashboards", each.File, err)
		}
	}
	found, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		if !slices.Contains(names, filepath.Base(path)) {
			t.Errorf("%s belongs to no board", path)
		}
	}
}

// Grafana's own types read the files without a field that they do not know, and say that the values are valid.
func TestFilesFollowTheSchema(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	identifiers := map[string]bool{}
	for _, each := range boards {
		text, err := os.ReadFile(filepath.Join(folder, each.File))
		if err != nil {
			t.Fatal(err)
		}
		var read dashboard.Dashboard
		if err := read.UnmarshalJSONStrict(text); err != nil && err.Error() != "" { // an empty list of problems is no nil
			t.Errorf("%s: %v", each.File, err)
		}
		if err := read.Validate(); err != nil {
			t.Errorf("%s: %v", each.File, err)
		}
		if read.Uid == nil || identifiers[*read.Uid] || !json.Valid(text) {
			t.Errorf("%s has no uid of its own", each.File)
		} else {
			identifiers[*read.Uid] = true
		}
	}
}
