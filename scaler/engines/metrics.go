package engines

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts reads of Pods.
type Metrics struct {
	reads      *prometheus.CounterVec
	ok, failed prometheus.Counter
}

// NewMetrics returns metrics that are not registered yet.
func NewMetrics() *Metrics {
	m := &Metrics{reads: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "kedify_gateway", Subsystem: "engines", Name: "reads_total",
		Help: "Reads of the metrics of model Pods by this replica, by result: numbers were read, or none."}, []string{"result"})}
	m.ok, m.failed = m.reads.WithLabelValues("ok"), m.reads.WithLabelValues("failed")
	return m
}

// count counts a read, which failed for a reason or not.
func (m *Metrics) count(failure string) {
	if failure == "" {
		m.ok.Inc()
	} else {
		m.failed.Inc()
	}
}

var podsDesc = prometheus.NewDesc("kedify_gateway_engines_pods",
	"Model Pods that triggers ask about, as each replica knows them, by whether their numbers are known.", []string{"known"}, nil)

// Register registers the metrics.
func (r *Reader) Register(registerer prometheus.Registerer) error {
	return errors.Join(registerer.Register(r.options.Metrics.reads), registerer.Register(collector{r}))
}

// collector reads the reader when Prometheus scrapes.
type collector struct{ reader *Reader }

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) { out <- podsDesc }

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	known, unknown := c.reader.pods()
	out <- prometheus.MustNewConstMetric(podsDesc, prometheus.GaugeValue, float64(known), "true")
	out <- prometheus.MustNewConstMetric(podsDesc, prometheus.GaugeValue, float64(unknown), "false")
}

// pods returns how many Pods are known, and how many are not.
func (r *Reader) pods() (known, unknown int) {
	now := r.options.Clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.targets {
		if _, fresh := t.known(now); fresh {
			known++
		} else {
			unknown++
		}
	}
	return known, unknown
}
