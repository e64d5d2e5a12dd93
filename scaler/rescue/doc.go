// Package rescue starts workloads whose requests wait although KEDA does nothing.
//
// Job: KEDA may be restarting, or wait up to a minute before it opens a broken stream again.
// When requests are held and the target has had no replicas for a second, set its /scale to
// what they need: clamp(ceil(held/target), minReplicaCount or 1, maxReplicaCount). KEDA then
// finds an active trigger with replicas, and the HPA takes over. A trigger with
// scaleFromZero: needed asks for that number at its first requests, instead of the one replica
// that KEDA starts with.
//
// Inputs: the scaler.Catalog (observed), a Registry that is read and waited on, the replicas of
// targets as an informer has them. Outputs: writes of /scale, through Scales; Options.Report
// for events; metrics.
//
// Together with KEDA. Replicas only ever go up here, and for a deaf KEDA only from zero. A
// write carries the version that was read, so one that KEDA overtook is refused, and decided
// again on what KEDA wrote. KEDA that decided on an old view may still write 1 over a larger
// number: for two seconds the number is looked at again. Pause annotations are honoured.
//
// Run may run in every replica: who does not lead waits half as long again, so that the death of the
// leader does not leave requests waiting, and makes no first step.
//
// Ownership: one goroutine per trigger while Run runs, which sleeps until requests are held.
// Which triggers there are has a lock.
package rescue
