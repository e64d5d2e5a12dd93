// Package status writes the statuses that the engine wants.
//
// Job: make the live status of each object equal to the wanted one, as far as this controller owns it:
// entries of other controllers stay as they are, stale entries of this controller go, transition
// times change only with the condition. Inputs: Update values (any goroutine) and live objects.
// Outputs: one write per object that differs, a moment after it was wanted; none at rest.
// Ownership: Writer is safe for concurrent use. Every replica collects updates; only the
// leader runs the workers that write.
package status
