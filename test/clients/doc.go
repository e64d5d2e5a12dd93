// Package clients has everyday HTTP and gRPC clients talk to a real Envoy that serves what the product
// makes of objects.
//
// Job: every client, in every protocol that it speaks, on an exact hostname, a wildcard and no hostname,
// to Services and to an InferencePool, with and without bodies, in one piece and piece by piece. What is
// asserted of each: the answer is a success within seconds, bodies are whole in both directions, trailers
// arrive, and a piece arrives before the next one is sent.
//
//	Cell       one client, one exchange, one place, one protocol
//	Client     a program that carries out cells; most are in testdata, and run once for all their cells
//	Backend    the application behind Services and pool
//	Report     what a client saw of a cell
//
// Inputs: the objects of testdata/objects.yaml, the clients that hack/testbed installs. Outputs: a finding
// for each promise that a cell breaks. Ownership: a client program belongs to the test of its client; the
// Backend and the Envoy belong to the matrix, and serve all clients at once.
package clients
