package count

import (
	"bytes"

	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/xds/bootstrap"
)

// statistic is what a family says about a cluster.
type statistic uint8

const (
	other    statistic = iota
	attempts           // part of demand.Counts.Requests
	retries
	active // part of demand.Counts.Active
	// Parts of demand.Work.
	sent
	received
	prompt
	cached
	output
	answers
	first // a histogram
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

// addWork adds a value to work.
func (s statistic) addWork(to *demand.Work, value uint64) {
	switch s {
	case sent:
		to.Sent += value
	case received:
		to.Received += value
	case prompt:
		to.Prompt += value
	case cached:
		to.Cached += value
	case output:
		to.Output += value
	case answers:
		to.Answers += value
	case other, attempts, retries, active, first:
	}
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
	case other, sent, received, prompt, cached, output, answers, first:
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
	if rest, ok := bytes.CutPrefix(family, []byte(bootstrap.WorkPrefix)); ok {
		return splitWork(rest)
	}
	rest, ok := bytes.CutPrefix(family, []byte(demandPrefix))
	if !ok {
		return nil, other
	}
	dot := bytes.LastIndexByte(rest, '.')
	if dot < 0 {
		return nil, other
	}
	key, works := bytes.CutSuffix(rest[:dot], []byte(bootstrap.WorkSuffix))
	if works {
		switch string(rest[dot+1:]) {
		case bootstrap.WorkSent:
			return key, sent
		case bootstrap.WorkReceived:
			return key, received
		}
	}
	return key, statisticOf(rest[dot+1:])
}

// splitWork takes the name of what answers say apart.
func splitWork(family []byte) (key []byte, s statistic) {
	name, key, ok := bytes.Cut(family, []byte(bootstrap.WorkKey))
	if !ok {
		return nil, other
	}
	switch string(name) { // no allocation
	case bootstrap.WorkPrompt:
		return key, prompt
	case bootstrap.WorkCached:
		return key, cached
	case bootstrap.WorkOutput:
		return key, output
	case bootstrap.WorkAnswers:
		return key, answers
	case bootstrap.WorkFirst:
		return key, first
	}
	return nil, other
}
