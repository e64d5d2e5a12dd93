// Package demand adds up what proxies count and replicas hold.
//
// Job: for every trigger in force, over all proxies and all replicas, requests per second,
// requests in flight, what is held, and whether that makes the workload active; nothing lost,
// nothing counted twice, and unknown is never zero.
//
// Inputs: the scaler.Catalog; Report and Gone from scaler/count, what the proxies of this
// replica say; Hold from scaler/hold, what this replica holds; Merge and Lost from
// controllers/peers, what other replicas say. Outputs: Read, LastArrival and Wake, from
// memory; Follow, what the other replicas are to be told; Dump and metrics for people.
//
// How it counts. A proxy says cumulative counters and is remembered by its node. The first
// report of an unknown proxy is a baseline, unless it is younger than this registry; a counter
// that fell was begun anew, and so was everything when the uptime fell. First attempts are
// requests minus retries, and never fall: a retry that waits for its back-off is counted
// before its attempt is. What was counted between two reports is spread evenly over the time
// between them, on the clock of the replica that received them. A proxy may be heard at any
// replica: the newest report counts, by the proxy's own clock, so one that moves is counted
// on from where it was.
//
// Exceptions to "nothing lost, nothing twice", each about one proxy and one moment: what it
// counted before the first report that this registry or any of its peers got of it (the
// baseline, and at most a retry too many that waited then); what it counted after its last
// report when its process ends, and for a replica that hears of it through another one, the
// last quarter of a second of that; the count of an ended process, when the next one of the
// same name is first heard at a greater age and with more requests. A retry that is decided on
// and never made, because its client left during the back-off, takes one request away.
//
// Files: registry (who calls), proxy (counters to requests), lane and ring (requests to a rate),
// load (requests in flight to a concurrency), entry and reading (one key), hold, wake;
// follower, news, merge, past (other replicas).
//
// Ownership: no goroutine of its own but Run, which only tidies. One lock per proxy is held
// while a report of it is taken in, one per key while it is changed or read; maps have a third
// (registry.go says in which order).
package demand
