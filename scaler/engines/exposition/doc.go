// Package exposition reads what model servers say of themselves in Prometheus' text format.
//
// Job: of the metrics of one Pod, how many requests wait there and how much of its KV cache is in use, under the names that its
// engine gives them (dialect.go).
// Inputs: a text of a Pod, which a tenant writes, and the engine or none. Outputs: Numbers, or an error that says what the text
// lacks and repeats nothing of it.
// Bounds: MaxBytes of text, MaxSeries of the metrics that are looked for; no other line is parsed.
// Ownership: pure functions.
package exposition
