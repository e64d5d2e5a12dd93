// Package bootstrap renders the files that an Envoy starts with.
//
// Job: everything a proxy must know before it can ask the control plane: who it is, where
// the control plane is and how to trust it, what it counts, where it says that it is ready.
// Inputs: Config. Outputs: files, built as messages and never as text templates. PURE: no
// clients, context, clock, goroutines or logging; equal input gives equal bytes.
// Ownership: nothing is kept between calls.
package bootstrap
