// Package count receives the counters of Envoys.
//
// Job: serve envoy.service.metrics.v3.MetricsService, identify the gateway and the proxy of
// each message, pick the counters of demand keys out of it, and report them to scaler/demand.
//
// Inputs: streams of Envoys. Service: our own proxies, on the xDS port; the gateway is that of
// the client certificate, the node is in the first message, and only demand keys that the gateway counts for
// are read. External: Envoys that users run (kedify-envoy-http, or externalProxyMetricKey of
// kedify-http), on a port of its own; their client certificate names a namespace, and they count for its
// triggers alone. Outputs: a demand.Report for each message, Gone at the end of a stream, metrics. A
// message with a wrong or unknown field does no harm: fields that cannot be read are left out,
// and numbers that are no counts (negative, NaN, infinite) are ignored.
//
// What our proxies send (measured with Envoy 1.40): cumulative counters and gauges that were
// ever used, once per flush, in one message, all with the time of the flush. A counter of a
// cluster is the family cluster.<alt_stat_name>.<statistic>, and alt_stat_name is
// demand/<namespace>/<name>. Used are
//
//	upstream_rq_total                 attempts that got a connection
//	upstream_rq_pending_failure_eject attempts that failed while they waited for one
//	upstream_cx_none_healthy          attempts that found no endpoint
//	upstream_rq_pending_overflow      attempts that a circuit breaker refused
//	upstream_rq_retry                 attempts that were decided on after another one
//	upstream_rq_active                requests in flight
//	upstream_rq_pending_active        requests that wait for a connection
//
// The first four make all attempts: upstream_rq_total alone misses those that fail before they
// have a connection, and a retry after each of them would take a request away. The gauge
// server.uptime (in seconds) tells a proxy that has just started.
//
// batch_size must not be set for our proxies: every message is one whole flush, and a key that
// it lacks is gone from the proxy. A stream that sends two messages for one flush is refused.
//
// Ownership: two goroutines per stream; the one that reads owns its state. A service has
// a lock that guards which stream of a proxy is the newest. Run ends the streams.
package count
