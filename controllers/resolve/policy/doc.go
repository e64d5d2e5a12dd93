// Package policy resolves BackendTLSPolicies, and says of XBackends and XBackendTrafficPolicies that they are not supported.
//
// Job: which policy is in force for a port of a Service, and what it asks for towards the backend.
// Inputs: a store.View. Outputs: the TLS of a cluster with its secrets, status entries.
// Ownership: PURE (package resolve).
package policy
