package rescue

import "github.com/prometheus/client_golang/prometheus"

// Results of attempts, for the counter.
const (
	resultScaled   = "scaled"
	resultUnneeded = "unneeded" // the target had replicas by then
	resultError    = "error"
)

// Metrics counts attempts.
type Metrics struct {
	rescues *prometheus.CounterVec
}

// NewMetrics returns metrics that are not registered yet.
func NewMetrics() *Metrics {
	m := &Metrics{rescues: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "kedify_gateway", Subsystem: "rescue", Name: "attempts_total",
		Help: "Attempts of the controller to scale a workload from zero, by reason (deaf: KEDA did not act in time; one_step: the " +
			"trigger asks for it; check: the replicas were unknown and /scale showed some) and result (scaled, unneeded, error).",
	}, []string{"reason", "result"})}
	for _, reason := range []Reason{Deaf, OneStep} { // the first of each is an increase as well
		for _, result := range []string{resultScaled, resultUnneeded, resultError} {
			m.rescues.WithLabelValues(string(reason), result)
		}
	}
	m.rescues.WithLabelValues(string(Check), resultUnneeded)
	return m
}

// Register registers the metrics.
func (m *Metrics) Register(registerer prometheus.Registerer) error {
	return registerer.Register(m.rescues)
}
