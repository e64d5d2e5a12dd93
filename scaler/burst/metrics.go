package burst

import "github.com/prometheus/client_golang/prometheus"

// Results of attempts, for the counter.
const (
	resultScaled   = "scaled"
	resultUnneeded = "unneeded" // the target had enough replicas by then
	resultRefused  = "refused"  // the ScaledObject or its HPA is paused, going or absent
	resultError    = "error"
)

// Metrics counts attempts.
type Metrics struct {
	attempts *prometheus.CounterVec
}

// NewMetrics returns metrics that are not registered yet.
func NewMetrics() *Metrics {
	m := &Metrics{attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "kedify_gateway", Subsystem: "burst", Name: "attempts_total",
		Help: "Attempts of the leader to raise replicas between two decisions of the HPA (burstScaling), by result (scaled; unneeded: " +
			"the target had enough by then; refused: the ScaledObject or its HPA is paused, going or absent; error).",
	}, []string{"result"})}
	for _, result := range []string{resultScaled, resultUnneeded, resultRefused, resultError} {
		m.attempts.WithLabelValues(result) // the first of each is an increase as well
	}
	return m
}

// Register registers the metrics.
func (m *Metrics) Register(registerer prometheus.Registerer) error {
	return registerer.Register(m.attempts)
}
