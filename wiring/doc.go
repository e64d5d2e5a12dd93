// Package wiring leads foreign objects through the proxies, and to the applications while proxies or
// controllers are ill (docs/adr/0011-autowiring.md).
//
// Job: keep the wired Services of each namespace as wiring/plan says, move their endpoints between
// proxies and applications in an order that never leaves a Service without a ready endpoint, rewrite
// and restore foreign objects, wake applications before traffic is sent to them, and say in
// HTTPScaler.status where requests go.
//
// Inputs: HTTPScalers, Services, EndpointSlices, foreign objects and what else plans read, from
// informers; the readiness of proxies and controllers out of EndpointSlices, confirmed by live reads.
//
// Outputs: writes to the API server; Runnables for every replica; readiness; metrics. Moves to safety
// are written by every replica. Rewrites, moves back and deletions are written by the leader.
//
// Ownership: a Wiring owns its goroutines, which the caller runs. A queue works on one namespace at a
// time; the state of health and the objects that informers handed over have locks.
package wiring
