package plane

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kedify/inference-gateway/controllers/peers"
	"github.com/kedify/inference-gateway/controllers/served"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/scaler/burst"
	"github.com/kedify/inference-gateway/scaler/count"
	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/scaler/keda"
	"github.com/kedify/inference-gateway/scaler/rescue"
	"github.com/kedify/inference-gateway/scaler/spans"
	"github.com/kedify/inference-gateway/webhook"
	"github.com/kedify/inference-gateway/xds/publish"
)

// Metrics are the metrics of all parts.
type Metrics struct {
	computing, delay prometheus.Histogram
	writes           *prometheus.CounterVec
	renderFailures   prometheus.Counter

	published *publish.Metrics
	exchanged *peers.Metrics
	counted   *count.Metrics
	held      *hold.Metrics
	traced    *spans.Metrics
	asked     *keda.Metrics
	rescued   *rescue.Metrics
	burst     *burst.Metrics
	unserved  *served.Metrics
	admitted  *webhook.Metrics
}

// newMetrics registers the metrics.
func newMetrics(registry prometheus.Registerer) (*Metrics, error) {
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
		published: publish.NewMetrics(),
		exchanged: peers.NewMetrics(),
		counted:   count.NewMetrics(),
		held:      hold.NewMetrics(),
		traced:    spans.NewMetrics(),
		asked:     keda.NewMetrics(),
		rescued:   rescue.NewMetrics(),
		burst:     burst.NewMetrics(),
		unserved:  served.NewMetrics(),
		admitted:  webhook.NewMetrics(),
	}
	for _, one := range []prometheus.Collector{m.computing, m.delay, m.writes, m.renderFailures} {
		if err := registry.Register(one); err != nil {
			return nil, err
		}
	}
	for _, register := range []func(prometheus.Registerer) error{
		m.published.Register, m.exchanged.Register, m.counted.Register, m.held.Register, m.traced.Register, m.asked.Register,
		m.rescued.Register, m.burst.Register, m.unserved.Register, m.admitted.Register,
	} {
		if err := register(registry); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Flushed is engine.Metrics.
func (m *Metrics) Flushed(_ int, computing, delay time.Duration) {
	m.computing.Observe(computing.Seconds())
	m.delay.Observe(delay.Seconds())
}

// wrote counts a write of a status.
func (m *Metrics) wrote(kind store.Kind, err error) {
	result := "ok"
	if err != nil {
		result = "error"
	}
	m.writes.WithLabelValues(string(kind), result).Inc()
}
