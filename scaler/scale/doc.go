// Package scale reads and raises the replicas of scale targets through their scale subresource.
//
// Job: Scales reads and writes /scale of a target of any kind that has it; Raise writes more
// replicas, if there are fewer. Inputs: the namespace and target of an HTTPScaler, the API server.
// Outputs: updates of /scale. Ownership: no state and no goroutines.
package scale
