package hold

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics of the gate and the activator.
type Metrics struct {
	held       prometheus.Gauge
	answers    *prometheus.CounterVec
	refused    *prometheus.CounterVec
	passed     prometheus.Counter // of answers: the path of every request while armed
	exceeded   *prometheus.CounterVec
	arms       *prometheus.CounterVec
	disarms    prometheus.Counter
	waits      prometheus.Histogram
	collectors []prometheus.Collector
}

// The answers to requests, values of the metric label "answer".
const (
	answeredGo          = "go"       // passed at once
	answeredReleased    = "released" // passed after a wait
	answeredTimeout     = "timeout"
	answeredWaitingPage = "waiting_page"
	answeredMaintenance = "maintenance_page"
	answeredProbe       = "probe"
	answeredGone        = "client_gone"
	answeredElsewhere   = "elsewhere" // sent to another replica
	answeredWithdrawn   = "withdrawn" // the backend was taken away
	answeredPaused      = "paused"    // at zero replicas
)

// failures are the answers that are errors of the product's own.
var failures = map[string]bool{
	answeredTimeout: true, answeredWithdrawn: true, answeredPaused: true, limitMaxPending: true, limitMaxTotal: true, limitMaxMemory: true,
}

// answerOf are the answers to requests that were held.
var answerOf = map[outcome]string{
	released: answeredReleased, timedOut: answeredTimeout, canceled: answeredGone, redirected: answeredElsewhere,
	turnedAway: answeredWithdrawn, stopped: answeredPaused,
}

// answers are all of them, so that each is exported before it is given: the first one is an increase as well.
var answers = []string{
	answeredGo, answeredReleased, answeredTimeout, answeredWaitingPage, answeredMaintenance, answeredProbe, answeredGone, answeredElsewhere,
	answeredWithdrawn, answeredPaused, limitMaxPending, limitMaxTotal, limitMaxMemory,
}

// Why calls are refused, values of the metric label "reason".
const (
	refusedDemand  = "foreign_demand"
	refusedBackend = "too_many_backends"
)

// NewMetrics returns metrics that are not registered yet.
func NewMetrics() *Metrics {
	name := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "kedify_gateway", Subsystem: "hold", Name: name, Help: help}
	}
	m := &Metrics{
		held: prometheus.NewGauge(prometheus.GaugeOpts(name("held_requests", "Requests that are held now."))),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts(name("answers_total",
			"Requests that proxies asked about, by answer. Requests over a limit are counted by that limit.")), []string{"answer"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts(name("refused_calls_total",
			"Calls that were refused, by reason: they name a trigger that the Gateway of their certificate does not count for, "+
				"or too many backends that it does not have.")), []string{"reason"}),
		exceeded: prometheus.NewCounterVec(prometheus.CounterOpts(name("waits_exceeded_total",
			"Times that a wait was given up, by what was awaited: the last endpoint of a backend was removed without a proxy that "+
				"accepted or read something, or requests were released without an endpoint picker that names an endpoint.")), []string{"wait"}),
		arms: prometheus.NewCounterVec(prometheus.CounterOpts(name("arms_total",
			"Times that a backend was armed: its proxies ask before they route.")), []string{"reason"}),
		disarms: prometheus.NewCounter(prometheus.CounterOpts(name("disarms_total",
			"Times that a backend was disarmed: its proxies route without asking."))),
		waits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "kedify_gateway", Subsystem: "hold", Name: "wait_seconds",
			Help: "Time that released requests were held, in seconds.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 17),
		}),
	}
	for _, answer := range answers {
		m.answers.WithLabelValues(answer)
	}
	for _, reason := range []string{refusedDemand, refusedBackend} {
		m.refused.WithLabelValues(reason)
	}
	for _, wait := range []string{waitACK, waitConfirmation, waitPicker} {
		m.exceeded.WithLabelValues(wait)
	}
	for _, reason := range []string{armNew, armEmpty, armQuiet, armPinned} {
		m.arms.WithLabelValues(reason)
	}
	m.passed = m.answers.WithLabelValues(answeredGo)
	m.collectors = []prometheus.Collector{m.held, m.answers, m.refused, m.exceeded, m.arms, m.disarms, m.waits}
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

func (m *Metrics) answered(answer string) { m.answers.WithLabelValues(answer).Inc() }

var (
	oldestDesc = prometheus.NewDesc("kedify_gateway_hold_oldest_request_seconds",
		"How long the request that is held longest has waited; 0 when none is held.", nil, nil)
	spentDesc = prometheus.NewDesc("kedify_gateway_hold_oldest_request_ratio",
		"The largest part of its own holdTimeout that a held request has waited, 0 to 1.", nil, nil)
)

// Register registers the metrics of the requests that are held when Prometheus scrapes.
func (g *Gate) Register(registerer prometheus.Registerer) error {
	return registerer.Register(oldest{g})
}

// oldest is a collector of the longest waits at this replica.
type oldest struct{ gate *Gate }

// Describe implements prometheus.Collector.
func (o oldest) Describe(out chan<- *prometheus.Desc) {
	out <- oldestDesc
	out <- spentDesc
}

// Collect implements prometheus.Collector. It looks at each held request once.
func (o oldest) Collect(out chan<- prometheus.Metric) {
	var age time.Duration
	var spent float64
	now := o.gate.options.Clock.Now()
	for _, each := range o.gate.all() {
		each.backends.Range(func(_, found any) bool {
			ofBackend, spentOfBackend := found.(*backend).requests.longestWait(now)
			age, spent = max(age, ofBackend), max(spent, spentOfBackend)
			return true
		})
	}
	out <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, age.Seconds())
	out <- prometheus.MustNewConstMetric(spentDesc, prometheus.GaugeValue, spent)
}
