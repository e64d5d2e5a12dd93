// Package peers tells the replicas of the control plane what each other's Envoys have and
// count, and what each replica holds.
//
// Job: an Envoy is connected to one replica, and the leader, which writes the statuses, is
// often another; KEDA asks any of them. Every replica subscribes to every other and adds what
// it hears to what it knows itself. All of them do, so that the next leader knows at once.
//
// Inputs: Deliver and Forget from the publisher of this replica; what Options.Registry has to
// tell; what Options.Engines read of model Pods; the addresses of the others (Options.Discover) and their streams. Outputs:
// Options.Deliver, with what the proxies of all replicas have; Options.Registry.Merge, with what
// they count and hold, and Options.Engines.Merge, with what they read; the gRPC service that the others subscribe to (Register).
//
// The wire: kedify.gateway.peers.v1.Peers/Exchange answers one google.protobuf.BytesValue with
// a stream of them; each holds an envelope in JSON (envelope.go). Both ends are this program, the
// content is what /xds and /demand show anyway, and a message is sent when something happened
// to a listener, or about once a second for the counts of each proxy, not per request:
// generated code would bring a compiler into the build and save little. The first envelope is
// all that the replica knows, the next ones what changed. Readers ignore fields that they do
// not know, and do without those that an older replica does not send.
//
// Callers are replicas alone, by their client certificates (server.PeerReplica).
//
// Ownership: Run has one goroutine per peer, which owns its connection; the gRPC server has
// one per subscriber. The states of both sides, feed and view, have a lock each. Deliver,
// Forget and Options.Deliver do not block.
package peers
