// Package burst raises replicas between two decisions of the HPA.
//
// Job: for triggers with burstScaling, every two seconds: when a metric of the trigger asks for more replicas than the target has,
// beyond the tolerance of the HPA, write them to /scale. At most max(+4, x2) in 15 s, which is what an HPA does in one of its
// periods; within maxReplicaCount; from at least one replica, because zero is left to KEDA and to scaler/rescue; never down.
//
// Inputs: the scaler.Catalog (observed), readings of the Registry, replicas from informers, Options.Allowed about the HPA.
// Outputs: writes of /scale, through Scales; Peak for scaler/keda; Options.Report for events; metrics.
//
// # Together with the HPA
//
// The HPA takes replicas away that its own recommendations of the stabilization window (300 s by default) do not ask for, and it
// recommends every 15 s from what it sees at that moment. What was raised in between and is not asked for any more at the next
// recommendation would be gone with it. So KEDA gets, of these triggers, the highest value of the last 30 s (Peak), which is two
// periods: the HPA sees what this package saw, recommends as many replicas, and its window begins. Both divide the same value by the
// same target and round up, and the tolerance keeps this package from a step that the HPA would not make.
//
// # Bounds
//
// An attempt is at most one read of the HPA, and the reads and writes of scale.Raise. Attempts are AttemptsPerSecond over all
// triggers, and namespaces take turns. A trigger whose attempt failed or was not allowed waits for 15 s.
//
// Every replica of the controller looks, so that Peak is the same at each of them and a new leader knows what was raised before it
// led. The leader alone writes.
//
// Ownership: Run is one goroutine, with up to eight for attempts. The set of triggers has a lock.
package burst
