// Package policy is ways to decide how many replicas a model has.
//
// Job: the ways that bench/scaling compares, each a fleet.Scaler. Those of the product run its
// code: scaler/staffing for tokenRate, scaler/demand/window and scaler/demand/metric for
// requestRate and concurrency. They, and those of KEDA's Prometheus scaler, are followed by an
// HPA (bench/scaling/hpa). Two need no HPA: a constant number, and a planner that knows the
// future.
//
// Inputs: targets and settings; for the planner a trace. Outputs: fleet.Scaler.
// Ownership: pure. A policy belongs to one run.
package policy
