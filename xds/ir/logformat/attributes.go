package logformat

import (
	"maps"
	"slices"
)

// Attribute is an attribute of OpenTelemetry's conventions for HTTP servers: its value as a format, and whether that is a number.
type Attribute struct {
	Format  string
	Integer bool
}

// attributes are those that Envoy knows in the form of the conventions. Not server.port, network.protocol.version and tls.protocol.version,
// of which it has another form, and not url.query, which it has with the path alone.
var attributes = map[string]Attribute{
	"client.address":            {Format: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"},
	"client.port":               {Format: "%DOWNSTREAM_REMOTE_PORT%", Integer: true},
	"http.request.body.size":    {Format: "%BYTES_RECEIVED%", Integer: true},
	"http.request.method":       {Format: "%REQ(:METHOD)%"},
	"http.response.body.size":   {Format: "%BYTES_SENT%", Integer: true},
	"http.response.status_code": {Format: "%RESPONSE_CODE%", Integer: true},
	"http.route":                {Format: "%ROUTE_NAME%"},
	"network.local.address":     {Format: "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%"},
	"network.local.port":        {Format: "%DOWNSTREAM_LOCAL_PORT%", Integer: true},
	"network.peer.address":      {Format: "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"},
	"server.address":            {Format: "%REQ(:AUTHORITY)%"},
	"tls.client.server_name":    {Format: "%REQUESTED_SERVER_NAME%"},
	"tls.client.subject":        {Format: "%DOWNSTREAM_PEER_SUBJECT%"},
	"url.path":                  {Format: "%PATH(NQ:ORIG_OR_PATH)%"},
	"url.scheme":                {Format: "%REQ(:SCHEME)%"},
	"user_agent.original":       {Format: "%REQ(USER-AGENT)%"},
}

// AttributeOf returns the attribute of a key of the conventions; false: it is none of those that spans can have.
func AttributeOf(key string) (Attribute, bool) {
	attribute, known := attributes[key]
	return attribute, known
}

// Attributes returns the keys of AttributeOf, sorted.
func Attributes() []string { return slices.Sorted(maps.Keys(attributes)) }
