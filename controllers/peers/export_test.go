package peers

import "crypto/tls"

// ClientTLS is the client side of a connection with any identity, for tests that are refused.
func ClientTLS(certificates Certificates, as, serverName string) (*tls.Config, error) {
	return (&identity{certificates: certificates, as: as, serverName: serverName}).config()
}

// What a subscriber that is no Exchange needs.
var (
	Stream = &service.Streams[0]
	Method = "/" + serviceName + "/" + methodName
	Hello  = envelope{Replica: "test"}.message
	Open   = open
)
