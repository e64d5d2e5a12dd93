package hold

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what the gate and the activator do.
type Metrics struct {
	held       prometheus.Gauge
	answers    *prometheus.CounterVec
	went       prometheus.Counter // of answers: the path of every request while armed
	exceeded   *prometheus.CounterVec
	arms       *prometheus.CounterVec
	disarms    prometheus.Counter
	waits      prometheus.Histogram
	collectors []prometheus.Collector
}

// What requests were answered, the values of the metric label "answer".
const (
	answeredGo          = "go"       // went on at once
	answeredReleased    = "released" // went on after a wait
	answeredTimeout     = "timeout"
	answeredWaitingPage = "waiting_page"
	answeredMaintenance = "maintenance_page"
	answeredProbe       = "probe"
	answeredGone        = "client_gone"
	answeredElsewhere   = "elsewhere" // sent to ask another replica
)

// NewMetrics returns metrics that are not registered yet.
func NewMetrics() *Metrics {
	name := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "kedify_gateway", Subsystem: "hold", Name: name, Help: help}
	}
	m := &Metrics{
		held: prometheus.NewGauge(prometheus.GaugeOpts(name("held_requests", "Requests that wait for an endpoint now."))),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts(name("answers_total",
			"Requests that proxies asked about, by what they were answered; rejected ones by the limit they met.")), []string{"answer"}),
		exceeded: prometheus.NewCounterVec(prometheus.CounterOpts(name("waits_exceeded_total",
			"Times that the last endpoint of a backend went although a proxy was silent, by what it should have said.")), []string{"wait"}),
		arms: prometheus.NewCounterVec(prometheus.CounterOpts(name("arms_total",
			"Times that proxies were told to ask before they route to a backend.")), []string{"reason"}),
		disarms: prometheus.NewCounter(prometheus.CounterOpts(name("disarms_total",
			"Times that proxies were told to route to a backend without asking."))),
		waits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "kedify_gateway", Subsystem: "hold", Name: "wait_seconds",
			Help: "How long requests waited that then went on.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 17),
		}),
	}
	m.went = m.answers.WithLabelValues(answeredGo)
	m.collectors = []prometheus.Collector{m.held, m.answers, m.exceeded, m.arms, m.disarms, m.waits}
	return m
}

// Register registers the metrics.
func (m *Metrics) Register(registerer prometheus.Registerer) error {
	for _, c := range m.collectors {
		if err := registerer.Register(c); err != nil {
			return err
		}
	}
	return nil
}

func (m *Metrics) answered(what string) { m.answers.WithLabelValues(what).Inc() }
