package count

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts streams and messages of Envoys.
type Metrics struct {
	own, external *streams
	ignored       prometheus.Counter
	foreign       prometheus.Counter
	collectors    []prometheus.Collector
}

// streams are those of one service.
type streams struct {
	open              prometheus.Gauge
	messages, refused prometheus.Counter
}

// NewMetrics returns metrics that are not registered yet.
func NewMetrics() *Metrics {
	open := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "kedify_gateway", Subsystem: "count", Name: "streams",
		Help: "Open streams of Envoys that report counters, by kind of Envoy: own (of a Gateway) or external (run by users)."},
		[]string{"envoys"})
	messages := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "kedify_gateway", Subsystem: "count", Name: "messages_total",
		Help: "Accepted messages of Envoys."}, []string{"envoys"})
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "kedify_gateway", Subsystem: "count", Name: "refused_messages_total",
		Help: "Refused messages of Envoys, each of which ended its stream: malformed, without a node, or one of several for one flush."},
		[]string{"envoys"})
	of := func(envoys string) *streams {
		return &streams{open: open.WithLabelValues(envoys), messages: messages.WithLabelValues(envoys), refused: refused.WithLabelValues(envoys)}
	}
	ignored := prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "kedify_gateway", Subsystem: "count", Name: "ignored_clusters_total",
		Help: "Clusters in messages of external Envoys that no trigger names as its externalProxyMetricKey."})
	foreign := prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "kedify_gateway", Subsystem: "count", Name: "foreign_keys_total",
		Help: "Counters of demand keys, in messages of proxies of a Gateway, that the Gateway does not count for. They are left out."})
	return &Metrics{
		own: of("own"), external: of("external"), ignored: ignored, foreign: foreign,
		collectors: []prometheus.Collector{open, messages, refused, ignored, foreign},
	}
}

// Register registers the metrics.
func (m *Metrics) Register(registerer prometheus.Registerer) error {
	var all error
	for _, c := range m.collectors {
		all = errors.Join(all, registerer.Register(c))
	}
	return all
}
