package bootstrap

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/xds/ir"
)

func mergeConfig() Config {
	return Config{
		Gateway: ir.Key{Namespace: "shop", Name: "web"}, Directory: "/etc/kedify/bootstrap",
		ServerAddress: "kedify-gateway.kedify-system.svc", ServerPort: 18000, ServerName: "kedify-gateway.kedify-system.svc",
		CertificateDirectory: "/etc/kedify/xds", AdminSocket: "/tmp/admin.sock",
	}
}

func TestMerge(t *testing.T) {
	base, err := Render(mergeConfig())
	if err != nil {
		t.Fatal(err)
	}
	extra := `{
	  "statsFlushInterval": "30s",
	  "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": [{"prefix": "mine."}]}}},
	  "layered_runtime": {"layers": [{"name": "mine", "static_layer": {"a.b": 1}}]},
	  "stats_sinks": [{"name": "envoy.stat_sinks.statsd", "typed_config": {"@type": "type.googleapis.com/envoy.config.metrics.v3.StatsdSink",
	      "tcp_cluster_name": "xds"}}],
	  "node": {"locality": {"zone": "a"}}
	}`
	merged, err := Merge(base, []byte(extra))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"stats_flush_interval: 30s", "prefix: mine.", "prefix: server.", "name: mine", "name: product",
		"tcp_cluster_name: xds", "zone: a", "cluster: shop/web",
	} {
		if !strings.Contains(string(merged), want) {
			t.Errorf("%q is missing in\n%s", want, merged)
		}
	}
	if strings.Contains(string(merged), "stats_flush_on_admin") {
		t.Error("both kinds of flush are set")
	}
	envoy := os.Getenv("ENVOY")
	if envoy == "" {
		t.Log("ENVOY is not set: not validated by Envoy")
		return
	}
	directory := t.TempDir()
	config := mergeConfig()
	config.Directory = directory
	files, err := Files(config)
	if err != nil {
		t.Fatal(err)
	}
	if files[BootstrapFile], err = Merge(files[BootstrapFile], []byte(extra)); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(directory, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(envoy, "--mode", "validate", "-c", filepath.Join(directory, BootstrapFile)).CombinedOutput()
	if err != nil {
		t.Errorf("Envoy refuses it: %v\n%s", err, out)
	}
}

func TestMergeErrors(t *testing.T) {
	base, err := Render(mergeConfig())
	if err != nil {
		t.Fatal(err)
	}
	for name, extra := range map[string]string{
		"no object":           `7`,
		"unknown field":       `{"statsflushinterval": "5s"}`,
		"unknown nested":      `{"stats_config": {"matcher": {}}}`,
		"unknown in a list":   `{"stats_sinks": [{"nam": "x"}]}`,
		"wrong type":          `{"stats_config": "all"}`,
		"wrong duration":      `{"stats_flush_interval": "soon"}`,
		"list for an object":  `{"node": []}`,
		"both of a oneof":     `{"admin": {"address": {"pipe": {"path": "/a"}, "socket_address": {"address": "a", "port_value": 1}}}}`,
		"neither JSON nor so": `{`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Merge(base, []byte(extra)); !errors.Is(err, ErrExtra) {
				t.Errorf("got %v, want ErrExtra", err)
			}
		})
	}
}
