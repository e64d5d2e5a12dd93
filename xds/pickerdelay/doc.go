// Package pickerdelay is a stage that publishes a new endpoint of a picker a moment after it became
// ready, for pools that fail open.
//
// A picker is ready before it knows the Pods of its pool: the reference picker answered 503 for
// 6 to 40 ms after its readiness. (Envoy itself waits for the port of a picker to accept
// connections: translate.Cluster.) A pool that fails open does better without a picker for that
// time, so a new endpoint is published Options.Delay later. Until then requests go to the other
// pickers or, without any, to any ready Pod.
//
// Job: delay new endpoints of clusters with ir.ClusterKey.FailOpen. Everything else passes at once:
// endpoints that go, and the first version of an assignment, because an unanswered name holds a
// starting listener back.
// Inputs: resources of the engine. Outputs: the same calls of the next stage, with fewer endpoints
// for a while.
// Ownership: a mutex per gateway guards its assignments. The next stage is called with it held, so
// that the timers of a gateway and its changes come one after the other.
package pickerdelay
