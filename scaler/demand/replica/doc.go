// Package replica is what replicas tell each other about demand.
//
// Job: keep for each other replica what it is to be told (Follower) and how often, write that
// as a Delta, and apply the Delta of another replica (Merge, Lost).
//
// Inputs: Source, the proxies that report to this replica and the keys that it holds requests
// for; deltas of other replicas. Outputs: deltas; calls of Target, in the order in which a
// delta has to be applied.
//
// A Delta has cumulative counts and ages instead of moments, so clocks of replicas do not
// matter and a delta that arrives twice changes nothing. The first delta to a replica has all
// that is known, and the past; the others have what changed.
//
// Ownership: no goroutine. A Follower has a lock that nothing else is locked under; it is
// taken with the locks of package demand held.
package replica
