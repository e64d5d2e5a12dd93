package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/bench/scaling/engine"
)

// -fit reads files of vLLM's benchmark, and prints an entry of engine/models.json.
func TestFitted(t *testing.T) {
	model, err := modelOf("L")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	var paths []string
	for name, run := range map[string]engine.Measured{
		"a": {Completed: 12, Input: 12 * 64, Output: 12 * 16, InFlight: 1}, "b": {Completed: 12, Input: 12 * 2048, Output: 12 * 16, InFlight: 1},
		"c": {Completed: 24, Input: 24 * 64, Output: 24 * 16, InFlight: 8}, "d": {Completed: 24, Input: 24 * 2048, Output: 24 * 16, InFlight: 8},
	} {
		text, err := json.Marshal(model.Measure(run))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, name+".json")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	var out bytes.Buffer
	if err := fitted(&out, "L", paths); err != nil {
		t.Fatal(err)
	}
	var got engine.Model
	if err := json.Unmarshal(out.Bytes()[bytes.IndexByte(out.Bytes(), '{'):], &got); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if off := got.PerPrompt / model.PerPrompt; off < 0.9 || off > 1.1 || got.Memory != model.Memory || got.Name != "fitted" {
		t.Errorf("%+v", got)
	}
}

// What cannot be fitted is refused by name.
func TestFittedRefuses(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte(`{"completed":3}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]struct {
		like  string
		paths []string
	}{"no \"X\"": {"X", nil}, "four": {"L", nil}, "bad.json": {"L", []string{bad}}, "none.json": {"L", []string{"none.json"}}} {
		if err := fitted(&bytes.Buffer{}, c.like, c.paths); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
