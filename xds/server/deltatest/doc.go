// Package deltatest is a proxy without a data plane: a raw delta ADS client that behaves on
// the wire like Envoy 1.40 and records all it was told.
//
// Job: tests of the publisher and feature tests of the engine ask it what a proxy would have
// now, in which order it learned it, and whether any moment would have failed requests.
// Inputs: a server (Serve, or any address). Outputs: state, events, violations.
//
// What it models, because the publisher relies on it: subscriptions in Envoy's order
// (clusters, their endpoints, listeners once the clusters are warm, scopes, their routes),
// the ACK of clusters withheld while any cluster warms, no new endpoint subscription after
// an update of a cluster, pushes of unwatched names dropped but ACKed, responses of types
// never subscribed ignored, versions listed on reconnect.
//
// Ownership: one goroutine per connection owns the model; everything else takes its lock.
package deltatest
