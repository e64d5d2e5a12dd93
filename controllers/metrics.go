package controllers

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kedify/inference-gateway/controllers/store"
)

// Metrics of the Kubernetes side.
type Metrics struct {
	computing, delay prometheus.Histogram
	writes           *prometheus.CounterVec
	renderFailures   prometheus.Counter
}

// NewMetrics registers the metrics.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	seconds := prometheus.ExponentialBuckets(0.0001, 2, 18)
	m := &Metrics{
		computing: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "kedify_gateway", Subsystem: "engine", Name: "flush_seconds",
			Help: "Time one computation of the model took.", Buckets: seconds}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "kedify_gateway", Subsystem: "engine", Name: "delay_seconds",
			Help: "From the arrival of a change to the publication of what follows from it.", Buckets: seconds}),
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "kedify_gateway", Subsystem: "status", Name: "writes_total",
			Help: "Writes of statuses, by kind and result."}, []string{"kind", "result"}),
		renderFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "kedify_gateway", Subsystem: "engine", Name: "faults_total",
			Help: "Parts of the Envoy configuration that failed to render."}),
	}
	registry.MustRegister(m.computing, m.delay, m.writes, m.renderFailures)
	return m
}

// Flushed is engine.Metrics.
func (m *Metrics) Flushed(_ int, computing, delay time.Duration) {
	m.computing.Observe(computing.Seconds())
	m.delay.Observe(delay.Seconds())
}

// Wrote counts a status write.
func (m *Metrics) Wrote(kind store.Kind, err error) {
	result := "ok"
	if err != nil {
		result = "error"
	}
	m.writes.WithLabelValues(string(kind), result).Inc()
}
