// Package fleet is the replicas of one model behind a gateway, over a trace.
//
// Job: give each request to the replica with the fewest, or hold it while none is ready; start
// and end replicas as they are asked for; count what a gateway, a scrape of the replicas and a
// bill would. A replica is ready a cold start after it was asked for. It is paid for until the
// last of its requests has ended.
//
// The loop goes from event to event: an arrival, the end of a step in which something happens, a
// second. It allocates nothing for a request, a step or a token.
//
// Inputs: a trace, Options; a Scaler, which is asked every second of the trace.
// Outputs: Result.
// Ownership: pure. A run belongs to its caller; runs share the trace, which they read.
package fleet
