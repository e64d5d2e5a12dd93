package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"

	"github.com/kedify/inference-gateway/internal/telemetry"
)

func logTo(t *testing.T, out *bytes.Buffer, level string) logr.Logger {
	t.Helper()
	log, err := telemetry.NewLogger(telemetry.LogOptions{Format: telemetry.FormatJSON, Level: level}, out)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// The first line of a process says what it was built from and which flags it was given, and no others.
func TestFirstLine(t *testing.T) {
	var out bytes.Buffer
	command := controllerCommand()
	command.RunE = func(cmd *cobra.Command, _ []string) error {
		logStart(cmd, logTo(t, &out, "info"))
		return nil
	}
	command.SetArgs([]string{"--namespace=kedify-system", "--hold-timeout=10s"})
	if err := command.Execute(); err != nil {
		t.Fatal(err)
	}
	var line struct {
		Level, Command, Version, Go string
		Flags                       map[string]string
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, &out)
	}
	if line.Level != "info" || line.Command != "controller" || line.Version == "" || !strings.HasPrefix(line.Go, "go") ||
		len(line.Flags) != 2 || line.Flags["namespace"] != "kedify-system" || line.Flags["hold-timeout"] != "10s" {
		t.Errorf("%s", &out)
	}
}

// A probe that fails says why in its answer, and in the log at level debug alone.
func TestProbeSaysWhy(t *testing.T) {
	ask := func(level string, check error) (code int, body, logged string) {
		var out bytes.Buffer
		answer := httptest.NewRecorder()
		handler := probe(func(*http.Request) error { return check }, logTo(t, &out, level))
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		return answer.Code, answer.Body.String(), out.String()
	}
	failure := errors.New("the API server has not listed the objects of: Gateway")
	if code, body, logged := ask("info", failure); code != 500 || !strings.Contains(body, "Gateway") || logged != "" {
		t.Errorf("%d %q, logged %q", code, body, logged)
	}
	if _, _, logged := ask("debug", failure); !strings.Contains(logged, "Gateway") {
		t.Errorf("at debug: %q", logged)
	}
	if code, body, logged := ask("debug", nil); code != 200 || body != "ok" || logged != "" {
		t.Errorf("%d %q, logged %q", code, body, logged)
	}
}
