// Package settle lets the endpoints of pickers rest for a moment before they are asked.
//
// A picker is ready before it knows the Pods of its pool: for 6 to 40 ms after its readiness
// the reference picker was seen to answer 503. (That it may not even listen by then is seen to
// by Envoy itself: translate.Cluster.) A pool that fails open would do better without it, so an
// endpoint that joins such a pool's picker is published Delay later. Until then its requests
// go to any ready Pod, as while the picker was away.
//
// Job: delay the joining, and only the joining, of endpoints of pickers with FailOpen (ir.ClusterKey).
// Inputs: what the engine publishes. Outputs: the same calls of Next, with fewer endpoints for
// a while. Everything else passes at once, and so does the first version of an assignment: an
// unanswered name holds a starting listener back.
// Ownership: one mutex; Next is called with it held, so that it hears of one change after the
// other, and must not block.
package settle
