// Package backend resolves what routes send to: Services, InferencePools with their endpoint
// pickers, and the kedify-http triggers that scale them.
//
// Job: the cluster and the endpoints of a backend, and the trigger that its requests count for.
// Inputs: a store.View, a key of the IR. Outputs: clusters, endpoints, scaler.Scaler, status
// entries of pools. Ownership: PURE (package resolve).
package backend
