// Package engines reads the metrics that model Pods have of themselves, for the metrics queueDepth and kvCache.
//
// Job: every Interval, one read of each ready Pod of each trigger that asks, over all replicas together; what the Pods of a
// trigger say, as one number. What is not known is an error, and never zero (load.go).
//
// Inputs: Set, the Pods of a trigger, of which the engine of the control plane knows that they are Pods of its namespace and
// ready; their HTTP answers; Merge and Lost from controllers/peers, what other replicas read. Outputs: Waiting and CacheUsage,
// from memory; Follow, what this replica read, for the others; metrics.
//
// Which replica reads a Pod is decided by each of them alone (rank.go): the names of the replicas that read are put into an order for
// each Pod, by a hash. The first reads it when Interval is over since the last attempt of any replica, the second if that did
// not happen for takeover more, and so on. So nothing is elected, a replica that is gone or cannot reach the others costs a
// few seconds at most, and replicas that disagree about which of them live read a Pod twice rather than not at all. Replicas
// of a version without this package tell nothing, and are in no order.
//
// A Pod is a stranger: a tenant chooses it, its port and the path, and writes the answer. The bounds are in fetch.go (one request,
// one answer, no redirects, no credentials) and slots.go (how many at once, and how many bytes, of one namespace and in sum). What a
// Pod answers becomes two numbers; no text of it is kept, shown or logged.
//
// Ownership: Run has the goroutine that starts reads, and one for each read, of which there are maxReads at most. All state has one
// lock, which is held for no longer than it takes to visit the Pods of all triggers.
package engines
