// Package certificate reads key pairs and CA certificates of Secrets and ConfigMaps.
//
// Job: reject what Envoy would reject, with an error that a person can act on. Inputs: objects.
// Outputs: PEM as the proxy gets it. Ownership: PURE (package resolve).
package certificate
