// Package certificate reads key pairs and CA certificates of Secrets, ConfigMaps and ClusterTrustBundles.
//
// Job: reject what Envoy would reject, with an error that a person can act on. Inputs: objects, and
// references to them. Outputs: PEM as the proxy gets it. Ownership: PURE (package resolve).
package certificate
