package controllers

import (
	"strings"
	"testing"
)

// TestTracingEndpoint: the flag is the scheme, the host and the port of a collector, and nothing else.
func TestTracingEndpoint(t *testing.T) {
	for _, good := range []string{
		"", "http://collector.monitoring:4317", "https://otlp.example.com:443", "http://10.0.0.1:4317", "http://[2001:db8::1]:4317",
	} {
		options := Options{TracingEndpoint: good}
		if err := options.Validate(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"collector:4317", "collector.monitoring", "grpc://collector:4317", "HTTP://collector:4317", "http://collector", "http://:4317",
		"http://collector:0",
		"http://collector:70000", "http://collector:4317/", "http://collector:4317/v1/traces", "http://user:secret@collector:4317",
		"http://collector:4317?a=b", "http://collector:4317#a", "http://collector:4317 ", "http://[::1:4317", "unix:///run/otlp.sock",
	} {
		options := Options{TracingEndpoint: bad}
		if err := options.Validate(); err == nil || !strings.Contains(err.Error(), "--tracing-endpoint") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
