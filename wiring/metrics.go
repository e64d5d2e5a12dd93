package wiring

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Results of writes to foreign objects, for the counter.
const (
	resultRewritten = "rewritten"
	resultRestored  = "restored"
	resultDisowned  = "disowned"
	resultConflict  = "conflict" // the object changed meanwhile; it is read again
	resultRefused   = "refused"  // the API server, or a webhook, does not take the change
	resultError     = "error"
)

// Directions of moves.
const (
	toDirect = "direct"
	toProxy  = "proxy"
)

// metrics of the process.
type metrics struct {
	moves    *prometheus.CounterVec
	path     *prometheus.GaugeVec
	rewrites *prometheus.CounterVec
	refused  *prometheus.GaugeVec
	wakes    *prometheus.CounterVec
	leader   prometheus.Gauge
}

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	name := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "kedify_gateway", Subsystem: "wiring", Name: name, Help: help}
	}
	m := &metrics{
		moves: prometheus.NewCounterVec(prometheus.CounterOpts(name("moves_total",
			"Moves of wired Services that this replica wrote, by direction (direct, proxy).")), []string{"direction"}),
		path: prometheus.NewGaugeVec(prometheus.GaugeOpts(name("direct",
			"1 while the requests of a namespace go directly to the applications, 0 while they go through the proxies.")), []string{"namespace"}),
		rewrites: prometheus.NewCounterVec(prometheus.CounterOpts(name("rewrites_total",
			"Writes to objects of other controllers, by result (rewritten, restored, disowned, conflict, refused, error).")), []string{"result"}),
		refused: prometheus.NewGaugeVec(prometheus.GaugeOpts(name("refused",
			"HTTPScalers whose traffic is not rewired although they ask for it.")), []string{"namespace"}),
		wakes: prometheus.NewCounterVec(prometheus.CounterOpts(name("wakes_total",
			"Workloads that were scaled before requests went directly to them, by result (scaled, unneeded, error).")), []string{"result"}),
		leader: prometheus.NewGauge(prometheus.GaugeOpts(name("leader", "1 while this replica rewrites objects and moves traffic back."))),
	}
	var problems []error
	for _, one := range []prometheus.Collector{m.moves, m.path, m.rewrites, m.refused, m.wakes, m.leader} {
		problems = append(problems, registry.Register(one))
	}
	return m, errors.Join(problems...)
}
