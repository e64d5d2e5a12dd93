// Package rescue scales workloads from zero when their requests are held and KEDA does not act.
//
// Job: KEDA may be restarting, or wait up to a minute before it opens a broken stream again.
// When requests are held and the target has had no replicas for a second, set its /scale to
// what they need: clamp(ceil(held/target), minReplicaCount or 1, maxReplicaCount), or the value of a metric with the work of held
// requests in it, such as tokens, in place of held. KEDA then
// finds an active trigger with replicas, and the HPA takes over. A trigger with
// scaleFromZero: needed gets that number at its first requests, instead of the one replica
// that KEDA starts with.
//
// Inputs: the scaler.Catalog (observed), a Registry that is read and waited on, the replicas of
// targets as informers have them (package controllers/replicas). Outputs: writes of /scale, through
// Scales; Options.Report for events; metrics. /scale is read only before a write. A target whose
// kind has no informer is the exception: its /scale is read 1, 2, 4, 8 and then every 10 seconds
// after requests began to be held.
//
// Together with KEDA. Replicas only go up here, and when KEDA is deaf only from zero. A
// write carries the version that was read, so the API server refuses one that KEDA overtook, and
// the next decision sees what KEDA wrote. KEDA that decided on an old view may still write 1 over
// a larger number: for two seconds the number is verified. Pause annotations are honoured.
//
// Run runs in every replica of the controller. A replica that does not lead waits a quarter
// longer, so that requests do not wait for a leader that died, and makes no step.
//
// Ownership: one goroutine per trigger while Run runs, which sleeps until requests are held.
// The set of triggers has a lock.
package rescue
