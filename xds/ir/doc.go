// Package ir says what one gateway should do, in words of neither Kubernetes nor Envoy.
//
// Job: the values that controllers/resolve produces and xds/translate consumes.
// Inputs and outputs: none, types only. The package imports the standard library alone.
// Ownership: every value is immutable once it left the function that built it; all of
// them may be shared between goroutines.
//
// Names come from identity (backend, host, port), never from position in a list, so that
// reordering or reweighting rules recreates nothing in the proxy. Every node carries the
// Source it came from: that is how a rejection by the proxy finds its way back to the
// object of the user that caused it.
package ir
