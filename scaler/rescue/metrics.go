package rescue

import "github.com/prometheus/client_golang/prometheus"

// Results of attempts, for the counter.
const (
	resultScaled   = "scaled"
	resultUnneeded = "unneeded" // somebody else did it, and our view was older
	resultError    = "error"
)

// Metrics counts attempts.
type Metrics struct {
	rescues *prometheus.CounterVec
}

// NewMetrics returns metrics that are not registered yet.
func NewMetrics() *Metrics {
	return &Metrics{rescues: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "kedify_gateway", Subsystem: "rescue", Name: "attempts_total",
		Help: "Attempts to scale a workload from zero ourselves, by reason (deaf: KEDA did not; one_step: the trigger asks for it) " +
			"and result (scaled, unneeded, error)."}, []string{"reason", "result"})}
}

// Register registers the metrics.
func (m *Metrics) Register(registerer prometheus.Registerer) error {
	return registerer.Register(m.rescues)
}
