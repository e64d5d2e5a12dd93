package check

import (
	"slices"
	"strings"
)

// EnvoyHeaders begins what Envoys say to each other about a request: timeouts, retries, where it came
// from. No client of a gateway is an Envoy that may say so; those that Envoy removes by itself are
// some of them only.
const EnvoyHeaders = "x-envoy-"

// clientAddress is the one of EnvoyHeaders that the proxy writes before it compares headers.
const clientAddress = EnvoyHeaders + "external-address"

// hopHeaders belong to a connection (RFC 9110 7.6.1). Envoy removes them before it compares headers.
var hopHeaders = []string{"keep-alive", "proxy-connection", "transfer-encoding", "x-forwarded-client-cert"}

// PickerHeaders are what a client could send to pose as an endpoint picker (Gateway API Inference
// Extension, proposal 004).
var PickerHeaders = []string{
	"x-gateway-destination-endpoint", "x-gateway-destination-endpoint-served", "x-gateway-destination-endpoint-subset",
}

// Removed reports whether the proxy removes a header of a client before it compares headers, so that no
// rule can match it.
func Removed(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, EnvoyHeaders) && name != clientAddress ||
		slices.Contains(PickerHeaders, name) || slices.Contains(hopHeaders, name)
}
