package served

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/kedify/inference-gateway/controllers/served/verdict"
)

// Metrics of episodes, over all triggers: none names a tenant.
type Metrics struct {
	episodes *prometheus.CounterVec
	unserved prometheus.Gauge
}

// NewMetrics returns metrics that are not registered yet.
func NewMetrics() *Metrics {
	m := &Metrics{
		episodes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "kedify_gateway", Subsystem: "unserved", Name: "episodes_total",
			Help: "Times that requests of a trigger began to wait in vain, by the reason that its condition Served had first. " +
				"The leader counts them.",
		}, []string{"reason"}),
		unserved: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "kedify_gateway", Subsystem: "unserved", Name: "triggers",
			Help: "Triggers whose condition Served is False, as the leader knows them; 0 at other replicas.",
		}),
	}
	for _, reason := range verdict.Reasons {
		m.episodes.WithLabelValues(reason) // increase() does not see the first event of a series that appears with it
	}
	return m
}

// Register registers the metrics.
func (m *Metrics) Register(registerer prometheus.Registerer) error {
	if err := registerer.Register(m.episodes); err != nil {
		return err
	}
	return registerer.Register(m.unserved)
}
