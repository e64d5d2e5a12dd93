// Package infra runs the data plane: one Envoy Deployment with its Service per Gateway, in the
// namespace of the Gateway.
//
// Job: say which objects a Gateway needs (Objects, pure) and keep the cluster that way
// (Applier). Inputs: what resolve says about a Gateway's infrastructure. Outputs: objects
// owned by the Gateway, so that the garbage collector removes them with it and no finalizer
// is needed; and the outcome of each attempt (Result), for the Gateway's status.
// Ownership: Objects may be called from anywhere. An Applier owns its goroutines; its methods
// may be called from any goroutine. Only the leader runs one.
package infra
