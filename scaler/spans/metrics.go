package spans

import "github.com/prometheus/client_golang/prometheus"

// What became of spans, values of the metric label "result".
const (
	resultExported = "exported"
	resultFailed   = "failed"
	resultDropped  = "dropped"
)

// Metrics of spans.
type Metrics struct{ spans *prometheus.CounterVec }

// NewMetrics returns metrics that are not registered yet.
func NewMetrics() *Metrics {
	m := &Metrics{spans: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "kedify_gateway", Subsystem: "hold", Name: "spans_total",
		Help: "Spans of held requests, by result: exported, failed (the collector did not take them), or " +
			"dropped, because too many waited for the collector.",
	}, []string{"result"})}
	for _, result := range []string{resultExported, resultFailed, resultDropped} {
		m.spans.WithLabelValues(result)
	}
	return m
}

// Register registers the metrics.
func (m *Metrics) Register(registerer prometheus.Registerer) error {
	return registerer.Register(m.spans)
}

func (m *Metrics) count(result string, spans int) {
	m.spans.WithLabelValues(result).Add(float64(spans))
}
