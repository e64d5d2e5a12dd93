// Package ring is amounts over time, in buckets.
//
// Job: add up what happened between two moments, and say how much there was since a moment or in
// a bucket. Memory is one number per bucket, whatever is added.
// Inputs: spans of time with an amount, in any order. Outputs: Ring.
// Ownership: pure; a Ring belongs to its caller.
package ring
