// Package access says which callers may read the views of a replica on the network.
//
// Job: the views show the triggers, requests and routes of all tenants, so a stranger in the cluster may not read
// them. A request shows a token of Kubernetes; the API server says whose it is (TokenReview) and whether that user
// may get the path (SubjectAccessReview of a non-resource URL), so that roles of Kubernetes decide.
// Inputs: HTTP requests, the API server. Outputs: the answer of the view, or 401, 403 or 503.
//
// A decision that allows counts for a minute, and for ten while the API server cannot be asked: the wiring
// reads a view every second, and neither an outage nor a flood of foreign tokens may blind it.
//
// Ownership: a Guard has a lock and may be used from any goroutine.
package access
