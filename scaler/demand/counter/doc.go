// Package counter turns cumulative counters of Envoy processes into requests that arrived.
//
// Job: say, for each report of a proxy, which span of time it stands for (Step), whether the
// process behind it is another one than before, and how many requests of one key arrived in
// that span (Counter); say for a set of proxies up to which moment their numbers are known
// (Coverage).
//
// Inputs: the head of a report (Observation) and the counts of each key in it (Counts), with
// the moment at which this replica received them. Outputs: Process, Step, deltas, Coverage.
//
// The first report of an unknown process is a baseline, unless the process is younger than the
// replica that counts. A counter that fell began anew, and so did all counters when the uptime
// fell. First attempts are requests minus retries and never fall: a retry that waits for its
// back-off is counted before its attempt is.
//
// Ownership: pure. No locks, no clock, no goroutines; a Process is an immutable value, a
// Counter belongs to its caller.
package counter
