// Package authz has authorization servers that people run decide about requests of a real Envoy.
//
// Job: oauth2-proxy and Open Policy Agent's server over HTTP, OPA's library over Envoy's authorization protocol, on an exact
// hostname, a wildcard and no hostname. Inputs: the IR of a table. Outputs: test failures. Ownership: a server and its
// proxy belong to a test. The module is apart, because what these servers need must not reach the product.
package authz
