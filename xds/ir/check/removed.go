package check

import (
	"slices"
	"strings"
)

// EnvoyHeaders begins what Envoys say to each other about a request: timeouts, retries, where it came
// from. No client of a gateway is an Envoy that may say so; those that Envoy removes by itself are
// some of them only.
const EnvoyHeaders = "x-envoy-"

// KeyHeaders begins the headers that exist only inside the proxy: written before routing, removed
// before the backend.
const KeyHeaders = "x-gw-"

// clientAddress is the one of EnvoyHeaders that the proxy writes before it compares headers.
const clientAddress = EnvoyHeaders + "external-address"

// hopHeaders belong to a connection (RFC 9110 7.6.1). Envoy removes them before it compares headers.
var hopHeaders = []string{"keep-alive", "proxy-connection", "transfer-encoding", "x-forwarded-client-cert"}

// connectionHeaders are about one connection, or say where a message on it ends (RFC 9110 7.6.1 and 8.6,
// RFC 9112 6). The proxy writes them for each of its connections.
var connectionHeaders = []string{"connection", "content-length", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"}

// trailers is the only value of TE that HTTP/2 knows. gRPC servers may ask for it.
const trailers = "trailers"

// webSocket is the only protocol that a client may upgrade to.
const webSocket = "websocket"

// pickerHeaders begin what a client could send to pose as an endpoint picker (Gateway API Inference Extension, proposal 004, and
// the names of llm-d): the pick, and, with a suffix, what served and what may be picked.
var pickerHeaders = []string{"x-gateway-destination-endpoint", "x-llm-d-router-destination-endpoint"}

// PickerHeaders returns the beginnings of the names that OfPicker is about.
func PickerHeaders() []string { return slices.Clone(pickerHeaders) }

// OfPicker reports whether an endpoint picker alone may say a header.
func OfPicker(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(pickerHeaders, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// ForwardedHeaders are what proxies say about a request of theirs, besides x-forwarded-for and x-forwarded-proto, which
// Envoy writes. They are removed from requests of peers that are not trusted.
var ForwardedHeaders = []string{"forwarded", "x-forwarded-host", "x-forwarded-port"}

// Removed reports whether the proxy removes a header of a client before it compares headers, so that no
// rule can match it.
func Removed(name string) bool {
	name = strings.ToLower(name)
	return OfProxy(name) || OfPicker(name) || slices.Contains(hopHeaders, name)
}

// OfProxy reports whether a header of a request is for the proxy alone: it acts on it, and removes it.
func OfProxy(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, EnvoyHeaders) && name != clientAddress || strings.HasPrefix(name, KeyHeaders)
}

// OfConnection reports whether no rule may write a header, because it is of a connection. Envoy sends what a rule
// writes there as it stands: a backend or a client that believes another length takes the rest of a body for the next
// message on the connection, which other routes and clients share.
func OfConnection(name, value string) bool {
	name = strings.ToLower(name)
	return slices.Contains(connectionHeaders, name) && (name != "te" || !strings.EqualFold(value, trailers))
}

// ConnectionHeaders returns the names that OfConnection is about.
func ConnectionHeaders() []string { return slices.Clone(connectionHeaders) }

// Unseen reports whether the proxy shows no rule a header with this value: what is said about a connection is taken out of
// a request before it is compared, unless it asks for a WebSocket.
func Unseen(name, value string) bool {
	switch strings.ToLower(name) {
	case "expect":
		return strings.EqualFold(value, "100-continue")
	case "te":
		return !strings.EqualFold(value, trailers)
	case "upgrade":
		return !strings.EqualFold(value, webSocket)
	case "connection":
		return !slices.ContainsFunc(strings.Split(value, ","), func(token string) bool {
			return strings.EqualFold(strings.TrimSpace(token), "upgrade")
		})
	}
	return false
}
