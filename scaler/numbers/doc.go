// Package numbers exports the numbers of each trigger to Prometheus.
//
// Job: a collector with at most eight series for each trigger in force, and three more for one that scales by tokens, made when
// Prometheus scrapes. A trigger that is gone has none.
//
// Inputs: the shares of demand.Registry, what hold.Gate answered, whether this replica leads. Outputs: metrics
// kedify_gateway_trigger_*. Counters and gauges are this replica's share, so that sum() over the replicas is the whole
// (docs/adr/0049-numbers.md). The states, active and known, are of the whole; the leader alone exports them.
//
// Ownership: no state; each scrape reads.
package numbers
