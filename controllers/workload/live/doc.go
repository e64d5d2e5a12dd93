// Package live reads the facts of package workload from the API server.
//
// Job: the Pods of a workload, by its selector, and its conditions. Nothing is watched or kept: the caller asks when something
// waits for the workload, and bounds how often. Inputs: a client that reads the API server. Outputs: workload.Facts.
// Ownership: no state and no goroutines.
package live
