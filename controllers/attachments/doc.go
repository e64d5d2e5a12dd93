// Package attachments knows which routes lead to which backends.
//
// Job: find the attachments of routes by the namespaces of their backends.
// Inputs: the Output of the engine. Outputs: attachments in a stable order, and calls of observers when
// those of a namespace changed.
// Ownership: an Index is safe for concurrent use and has no goroutines; what it hands out is immutable.
package attachments
