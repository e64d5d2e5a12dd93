package peers

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts peers.
type Metrics struct {
	connected prometheus.Gauge
	failures  prometheus.Counter
}

// NewMetrics returns metrics that are not registered yet.
func NewMetrics() *Metrics {
	return &Metrics{
		connected: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "kedify_gateway", Subsystem: "peers", Name: "connected",
			Help: "Other replicas whose deliveries arrive."}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "kedify_gateway", Subsystem: "peers", Name: "stream_failures_total",
			Help: "Streams of other replicas that could not be opened, or ended."}),
	}
}

// Register registers the metrics.
func (m *Metrics) Register(registerer prometheus.Registerer) error {
	return errors.Join(registerer.Register(m.connected), registerer.Register(m.failures))
}
