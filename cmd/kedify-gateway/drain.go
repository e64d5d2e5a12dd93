package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/kedify/inference-gateway/internal/envoyadmin"
)

// statistics of xds/bootstrap's inclusion list that say whether anything is in flight. The
// listener for probes counts under another prefix, except in the number of all connections, and so does that of the relay.
const statisticsFilter = `^(server\.total_connections|http\.http\.downstream_(cx_total|cx_active|rq_total|rq_active)|` +
	`http\.pickers\.downstream_cx_active|` +
	`tcp\.tcp\.downstream_cx_total|udp\.udp\.downstream_sess_(total|active))$`

type drainOptions struct {
	socket                   string
	timeout, quiet, interval time.Duration
}

// drainer makes an Envoy finish its work.
type drainer struct {
	options drainOptions
	clock   clock.Clock
	log     logr.Logger
	admin   *envoyadmin.Client
}

// sample is what Envoy had at one moment.
type sample struct {
	requests    int64 // HTTP requests being answered, streams and upgrades included
	connections int64 // connections that are not HTTP: TCP and TLS passthrough
	sessions    int64 // UDP
	arrivals    int64 // connections, requests and sessions since the start
}

func (s sample) inFlight() int64 { return s.requests + s.connections + s.sessions }

// drained is how a drain ended.
type drained struct {
	// complete is false when time was up first; last then says what is cut.
	complete bool
	last     sample
}

func newDrainer(options drainOptions, c clock.Clock, log logr.Logger) *drainer {
	return &drainer{options: options, clock: c, log: log, admin: envoyadmin.New(options.socket)}
}

// drain returns when nothing is in flight and nothing new has come for the quiet time, or when
// time is up.
//
// Health checks fail first, so that load balancers look elsewhere; then every answer tells its
// client to leave (Connection: close, GOAWAY). Listeners stay open throughout: a client that has not
// heard of the drain yet is served, not refused. A connection that is open but idle holds nothing up.
func (d *drainer) drain(ctx context.Context) (drained, error) {
	for _, path := range []string{"/healthcheck/fail", "/drain_listeners?graceful&skip_exit"} {
		if _, err := d.admin.Ask(ctx, http.MethodPost, path); err != nil {
			return drained{}, err
		}
	}
	start := d.clock.Now()
	var last sample
	quietSince := start
	for {
		now, err := d.sample(ctx)
		if err != nil {
			return drained{}, err
		}
		// What was in flight at the last look may have ended only just now.
		if now.arrivals != last.arrivals || now.inFlight() > 0 || last.inFlight() > 0 {
			quietSince = d.clock.Now()
		}
		if now.inFlight() != last.inFlight() {
			d.log.Info("draining", "requests", now.requests, "connections", now.connections, "sessions", now.sessions)
		}
		last = now
		if d.clock.Since(quietSince) >= d.options.quiet {
			return drained{complete: true, last: now}, nil
		}
		left := d.options.timeout - d.clock.Since(start)
		if left <= 0 {
			return drained{last: now}, nil
		}
		d.clock.Sleep(min(left, d.options.interval))
	}
}

// sample reads the counters.
func (d *drainer) sample(ctx context.Context) (sample, error) {
	body, err := d.admin.Ask(ctx, http.MethodGet, "/stats?format=json&filter="+url.QueryEscape(statisticsFilter))
	if err != nil {
		return sample{}, err
	}
	var answer struct {
		Stats []struct {
			Name  string `json:"name"`
			Value int64  `json:"value"`
		} `json:"stats"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return sample{}, fmt.Errorf("statistics of Envoy: %w", err)
	}
	values := map[string]int64{}
	for _, statistic := range answer.Stats {
		values[statistic.Name] = statistic.Value
	}
	return sample{
		requests: values["http.http.downstream_rq_active"],
		// A probe may be among them for a moment; the next look no longer has it.
		connections: max(0, values["server.total_connections"]-values["http.http.downstream_cx_active"]-
			values["http.pickers.downstream_cx_active"]),
		sessions: values["udp.udp.downstream_sess_active"],
		arrivals: values["http.http.downstream_cx_total"] + values["http.http.downstream_rq_total"] +
			values["tcp.tcp.downstream_cx_total"] + values["udp.udp.downstream_sess_total"],
	}, nil
}
