// Package keda answers KEDA: it is the server of KEDA's external scaler protocol
// (externalscaler.proto of KEDA 2.21), as triggers of type external-push call it.
//
// Job: tell KEDA the metric and target of a trigger, its value over the whole cluster, and
// whether the workload is to run; and push that at once when requests arrive at zero replicas.
//
// Inputs: the scaler.Catalog (observed), a Registry that is read and waited on, the replicas of
// targets as informers have them (package controllers/replicas). Outputs: gRPC, and metrics.
// Answers come from memory, because KEDA sets no deadline and its loop and the HPA controller
// wait for the answer; the caller has an answer or an error after 200 ms in any case. One question
// may go to the API server within that time, in the first minutes after all replicas of the
// controller were gone: whether a workload runs whose kind has no informer, see Server.active.
//
// # Which trigger is meant
//
// KEDA sends the namespace and name of the ScaledObject and the whole metadata of the trigger:
// neither its name nor its position, nor anything that admission could not see. The kedify-http
// triggers of one object match different requests, so what the metadata match is their identity:
// trigger.IdentityOf(metadata) is compared with trigger.Identity of the object's HTTPScalers.
// This needs no mark by admission, so it serves the native spelling as well. What does not
// match is answered Unavailable, also while the informer has not seen the object, or only an
// older or newer version of it: KEDA asks again, and a number of another trigger would be worse
// than none. A stream that found its trigger keeps it while that is in force.
//
// # Answers
//
// GetMetricSpec follows from the metadata alone, so it is right before the informer has the
// object. Values are totals over the cluster, in floats. An unknown value is answered Unavailable
// and never zero: KEDA and the HPA then leave the replicas alone. The demand is
// also unknown while requests may bypass the proxies, see Server.read. While wired Services lead past
// the proxies it is unknown, and the trigger is active, see errDirect.
//
// # Pushes
//
// KEDA acts on a push of true when it sees zero replicas, and its view may be older than that of
// the informer, so a push can be lost: true is repeated while requests are held at zero replicas.
// Above zero replicas each true costs KEDA a write of its object, so it is sent only as often as
// its cooldown needs. While the replicas are unknown (a kind without an informer), held requests
// stand for zero replicas. False is ignored by KEDA and costs nothing: it shows that the client is
// there. See type pushes.
//
// KEDA reopens a stream after 2 s if it ended well, and after up to a minute otherwise. So all
// streams end without an error when the server stops.
//
// Ownership: a goroutine per stream, of the gRPC server, and one per call of a method (the
// 200 ms). The index of triggers has a lock; the goroutine that changes the Catalog changes it.
package keda
