// Package replicas knows how many replicas the targets of triggers want, and how many are ready.
//
// Job: spec.replicas and status.readyReplicas of the Deployments, StatefulSets and Rollouts that HTTPScalers name, from
// informers; and for targets of other kinds, which have no informer, one bounded question to the
// API server.
// Inputs: the scaler.Catalog (observed), rows of a watch.Watcher. Outputs: Counts.Of, Counts.Ready and
// Live.Running, which any goroutine may call.
// Ownership: a kind is watched from the first trigger that names it. Counts has one lock, which the
// goroutines of informers take for one map write.
//
// Only the kinds of a fixed list are watched. A trigger is written by a tenant, and a watch of an
// arbitrary kind would cost the memory of every controller and the API server a list of the whole
// cluster.
package replicas
