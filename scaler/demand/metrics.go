package demand

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what is reported.
type metrics struct {
	reports                   *prometheus.CounterVec
	fromProxies, fromReplicas prometheus.Counter
	stale, tooMany            prometheus.Counter
}

func newMetrics() metrics {
	m := metrics{
		reports: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "kedify_gateway", Subsystem: "demand", Name: "reports_total",
			Help: "Counted reports of proxies, by sender: the proxy or another replica."}, []string{"from"}),
		stale: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "kedify_gateway", Subsystem: "demand", Name: "stale_reports_total",
			Help: "Ignored reports of proxies, older than the last counted report."}),
		tooMany: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "kedify_gateway", Subsystem: "demand", Name: "too_many_proxies_total",
			Help: "Ignored reports of proxies of a Gateway that has too many."}),
	}
	m.fromProxies, m.fromReplicas = m.reports.WithLabelValues("proxy"), m.reports.WithLabelValues("replica")
	return m
}

var (
	proxiesDesc = prometheus.NewDesc("kedify_gateway_demand_proxies",
		"Proxies that reported within the last ten minutes, to this or another replica, by whether they still report.", []string{"heard"}, nil)
	keysDesc = prometheus.NewDesc("kedify_gateway_demand_keys",
		"Triggers in force, by whether their demand is known. KEDA gets an error for unknown demand, not zero.", []string{"known"}, nil)
	heldDesc = prometheus.NewDesc("kedify_gateway_demand_held_requests",
		"Held requests over all replicas.", nil, nil)
)

// Register registers the metrics of what is reported, known and not known.
func (r *Registry) Register(registerer prometheus.Registerer) error {
	var problems []error
	for _, collected := range []prometheus.Collector{r.metrics.reports, r.metrics.stale, r.metrics.tooMany, collector{r}} {
		problems = append(problems, registerer.Register(collected))
	}
	return errors.Join(problems...)
}

// collector reads the registry when Prometheus scrapes.
type collector struct{ registry *Registry }

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	out <- proxiesDesc
	out <- keysDesc
	out <- heldDesc
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	r, now := c.registry, c.registry.now()
	heard, silent, known, unknown, held := 0, 0, 0, 0, 0
	for _, p := range r.allProxies() {
		if p.state.Load().Heard(now, r.timing) {
			heard++
		} else {
			silent++
		}
	}
	for _, key := range r.Keys() {
		reading, err := r.Read(key)
		held += reading.Held
		if err != nil {
			unknown++
		} else {
			known++
		}
	}
	gauge := func(desc *prometheus.Desc, value int, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(value), labels...)
	}
	gauge(proxiesDesc, heard, "true")
	gauge(proxiesDesc, silent, "false")
	gauge(keysDesc, known, "true")
	gauge(keysDesc, unknown, "false")
	gauge(heldDesc, held)
}
