// Package listener resolves Gateways with their ListenerSets.
//
// Job: which listeners are accepted, which conflict, which certificates they serve, and how the
// data plane is to be run. Inputs: a store.View; for statuses, what the data plane reports.
// Outputs: resolve.GatewayResult, the listeners of the IR by port, whole statuses.
// Ownership: PURE (package resolve).
package listener
