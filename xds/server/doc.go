// Package server speaks delta ADS with the proxies.
//
// Job: terminate the gRPC streams of proxies, bind each to the one gateway that its client
// certificate names, and hand requests and responses to and from xds/publish. A proxy can
// read nothing of another gateway, and nothing of the next Gateway of the same name: streams of all services end
// with the Gateway of their certificate (Gateways).
//
// Inputs: connections. Outputs: publish sessions, the gRPC health service, and a place for
// other services on the same port (Options.Register).
//
// Ownership: one goroutine per stream reads requests; the writer goroutine of the session
// sends. Serve owns the listener until its context ends.
package server
