// Package telemetry is how the product speaks about itself: its log and what it was built from.
//
// Job: make a logr.Logger on zap, and read the build information. Inputs: flags, the binary.
// Outputs: a logger; a BuildInfo. Ownership: values are safe for any goroutine.
package telemetry
