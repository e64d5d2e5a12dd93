// Package demand adds up what proxies count and replicas hold.
//
// Job: for every trigger in force, over all proxies and all replicas, requests per second,
// requests in flight, what is held, and whether that makes the workload active; nothing lost,
// nothing counted twice, and unknown is never zero.
//
// Inputs: the scaler.Catalog; Report and Gone from scaler/count, what the proxies of this
// replica report; Hold from scaler/hold, what this replica holds; Merge and Lost from
// controllers/peers, what other replicas tell. Outputs: Read, LastArrival and Wake, from
// memory; Follow, what the other replicas are to be told; DumpAll and metrics for people.
//
// How a request is counted:
//
//	Report -> proxyCounters -> keyCounter -> series -> Window -> Traffic -> Metric -> Reading
//	          (one Envoy)      (one key in   (one    (one gateway's part)
//	                            that Envoy)   key)
//
// A proxy reports cumulative counters and is identified by its node. Package counter turns them
// into requests of a span of time, package window turns those into rates and concurrencies, and
// package metric into the number that KEDA scales by. Package replica has what replicas tell
// each other: a proxy may report to any replica, and its newest report counts, by the proxy's
// own clock, so one that moves is counted on from where it was.
//
// Exceptions to "nothing lost, nothing twice", each about one proxy and one moment: what it
// counted before the first report that this registry or any of its peers got of it (the
// baseline, and at most a retry too many that waited then); what it counted after its last
// report when its process ends, and for a replica that hears of it through another one, the
// last quarter of a second of that; the count of an ended process, when the next one of the
// same name is first heard at a greater age and with more requests. A retry that is decided on
// and never made, because its client left during the back-off, takes one request away.
//
// Ownership: no goroutine but Run, which only tidies. There are two kinds of locks:
//
//  1. proxyCounters.mu, held while a report of that proxy is taken. It guards the counters.
//  2. series.mu, held while that key is changed or read. It guards the windows, what is held
//     and the activity.
//
// The order is that of the list: a series is locked with a proxy locked (take, lose, baseline,
// refer, unrefer), and never the other way round; no two locks of one kind are held at once.
// What both sides read is read without a lock: the maps (sync.Map, and a map that is replaced
// for the proxies of a gateway), the state of a proxy's process and the settings of a series
// (immutable, replaced with the lock of their owner held). The lock of a replica.Follower may be
// taken with either held, and nothing is locked under it.
package demand
