// Package study compares ways to scale a model, over workloads.
//
// Job: run each way (Way) over a workload with many targets, and say with how many replicas it
// keeps a bound of the time to the first token, its target chosen in hindsight (Lab.Least), or
// run it with one setting over several workloads (Lab.Run). What is asserted of the product is
// here as well (bar.go).
// Inputs: traces, a Model. Outputs: replicas.
// Ownership: pure. A Lab belongs to its caller, which may have it run things side by side (Each).
package study
