package count

import (
	"bytes"

	"github.com/kedify/inference-gateway/scaler/demand"
)

// statistic is what a family says about a cluster.
type statistic uint8

const (
	other    statistic = iota
	attempts           // part of demand.Counts.Requests
	retries
	active // part of demand.Counts.Active
)

// statisticOf returns what the last part of a name means.
func statisticOf(suffix []byte) statistic {
	switch string(suffix) { // no allocation
	case "upstream_rq_total", "upstream_rq_pending_failure_eject", "upstream_cx_none_healthy", "upstream_rq_pending_overflow":
		return attempts
	case "upstream_rq_retry":
		return retries
	case "upstream_rq_active", "upstream_rq_pending_active":
		return active
	}
	return other
}

// add adds a value to counts.
func (s statistic) add(to *demand.Counts, value uint64) {
	switch s {
	case attempts:
		to.Requests += value
	case retries:
		to.Retries += value
	case active:
		to.Active += value
	case other:
	}
}

// demandPrefix begins the name of a family of a cluster with a demand key; its alt_stat_name
// is demand/<namespace>/<name>.
const demandPrefix = "cluster.demand/"

// uptimeName is the gauge with the seconds since the proxy started.
const uptimeName = "server.uptime"

// split takes the name of a family apart: key is "<namespace>/<name>". The name of a trigger
// may have dots, the last part has none.
func split(family []byte) (key []byte, s statistic) {
	rest, ok := bytes.CutPrefix(family, []byte(demandPrefix))
	if !ok {
		return nil, other
	}
	dot := bytes.LastIndexByte(rest, '.')
	if dot < 0 {
		return nil, other
	}
	return rest[:dot], statisticOf(rest[dot+1:])
}
