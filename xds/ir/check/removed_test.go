package check_test

import (
	"testing"

	"github.com/kedify/inference-gateway/xds/ir/check"
)

func TestOfConnection(t *testing.T) {
	for header, want := range map[[2]string]bool{
		{"Content-Length", "3"}: true, {"transfer-encoding", "chunked"}: true, {"Connection", ""}: true, {"Upgrade", "websocket"}: true,
		{"TE", "gzip"}: true, {"TE", "Trailers"}: false, {"Content-Type", "a"}: false, {"Expect", "100-continue"}: false,
	} {
		if got := check.OfConnection(header[0], header[1]); got != want {
			t.Errorf("%v: %v", header, got)
		}
	}
	for name, want := range map[string]bool{
		"X-Gateway-Destination-Endpoint": true, "x-gateway-destination-endpoint-subset": true, "x-llm-d-router-destination-endpoint": true,
		"x-gateway-model-name": false, "x-prefiller-host-port": false,
	} {
		if got := check.OfPicker(name); got != want || check.Removed(name) != want {
			t.Errorf("%s: of a picker: %v, removed: %v", name, got, check.Removed(name))
		}
	}
	for name, want := range map[string]bool{
		"X-Envoy-Retry-On": true, "x-envoy-external-address": false, "x-gw-host": true,
		"x-gateway-destination-endpoint": false, "x-request-id": false,
	} {
		if got := check.OfProxy(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
