package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"runtime/debug"
	"strings"
	"testing"
)

func TestNewLoggerJSON(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(LogOptions{Format: FormatJSON, Level: "info"}, &out)
	if err != nil {
		t.Fatal(err)
	}
	log.V(1).Info("hidden")
	log.WithName("infra").Error(errors.New("cause"), "failed", "object", "shop/web")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("not one JSON line: %v\n%s", err, &out)
	}
	for key, want := range map[string]string{"level": "error", "logger": "infra", "msg": "failed", "object": "shop/web", "error": "cause"} {
		if line[key] != want {
			t.Errorf("%s is %v, want %q", key, line[key], want)
		}
	}
}

func TestNewLoggerConsoleDebug(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(LogOptions{Format: FormatConsole, Level: "debug"}, &out)
	if err != nil {
		t.Fatal(err)
	}
	log.V(1).Info("seen")
	if !strings.Contains(out.String(), "DEBUG\tseen") {
		t.Errorf("got %q", out.String())
	}
}

func TestNewLoggerErrors(t *testing.T) {
	for _, options := range []LogOptions{{Format: "xml", Level: "info"}, {Format: FormatJSON, Level: "loud"}} {
		if _, err := NewLogger(options, &bytes.Buffer{}); !errors.Is(err, ErrLogOption) {
			t.Errorf("%+v: %v", options, err)
		}
	}
}

func TestBuild(t *testing.T) {
	info := Build()
	if info.Version == "" || !strings.HasPrefix(info.Go, "go") || !strings.Contains(info.Platform, "/") {
		t.Errorf("%+v", info)
	}
	if text := info.String(); !strings.HasPrefix(text, "kedify-gateway "+info.Version) {
		t.Error(text)
	}
}

// What a flag of the build says comes first; what the go command knows completes it.
func TestBuildKnowsItsSource(t *testing.T) {
	checkout := &debug.BuildInfo{Main: debug.Module{Version: "v0.0.0-20261130195723-de95902f5250+dirty"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "de95902f5250"}, {Key: "vcs.modified", Value: "true"},
	}}
	for _, c := range []struct {
		name       string
		flags      BuildInfo
		binary     *debug.BuildInfo
		want, from string
	}{
		{"image", BuildInfo{Version: "v0.1.0", Revision: "abc"}, checkout, "v0.1.0", "abc"},
		{"checkout", BuildInfo{}, checkout, "v0.0.0-20261130195723-de95902f5250+dirty", "de95902f5250+dirty"},
		{"go install", BuildInfo{}, &debug.BuildInfo{Main: debug.Module{Version: "v0.1.0"}}, "v0.1.0", ""},
		{"no checkout", BuildInfo{}, &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "", ""},
	} {
		info := c.flags
		info.complete(c.binary)
		if info.Version != c.want || info.Revision != c.from {
			t.Errorf("%s: %+v", c.name, info)
		}
	}
}
