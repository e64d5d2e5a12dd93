package grpcserve

import "time"

const (
	// MaxConnections bounds the open connections of one address, before anything is known of the peer. Each
	// worker thread of an Envoy has one for each replica, and the Envoys of a node may share its address.
	MaxConnections = 4096
	// HandshakeTimeout bounds the time to a connection that can be used, with TLS and the preface of HTTP/2.
	// gRPC's own is two minutes.
	HandshakeTimeout = 10 * time.Second
)
