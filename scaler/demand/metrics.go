package demand

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what the registry is told.
type metrics struct {
	reports *prometheus.CounterVec
	stale   prometheus.Counter
}

func newMetrics() metrics {
	return metrics{
		reports: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "kedify_gateway", Subsystem: "demand", Name: "reports_total",
			Help: "Reports of proxies that were counted, by who told them: the proxy or another replica."}, []string{"from"}),
		stale: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "kedify_gateway", Subsystem: "demand", Name: "stale_reports_total",
			Help: "Reports of proxies that were older than what was known."}),
	}
}

var (
	proxiesDesc = prometheus.NewDesc("kedify_gateway_demand_proxies",
		"Proxies that were heard within ten minutes, here or at another replica, by whether they still are.", []string{"heard"}, nil)
	keysDesc = prometheus.NewDesc("kedify_gateway_demand_keys",
		"Triggers in force, by whether their demand is known. An unknown demand is an error for KEDA, not zero.", []string{"known"}, nil)
	heldDesc = prometheus.NewDesc("kedify_gateway_demand_held_requests",
		"Requests that are held, over all replicas.", nil, nil)
)

// Register registers what the registry was told, and what it knows and does not know.
func (b *Registry) Register(registerer prometheus.Registerer) error {
	return errors.Join(registerer.Register(b.metrics.reports), registerer.Register(b.metrics.stale), registerer.Register(collector{b}))
}

// collector looks at the registry when it is asked.
type collector struct{ registry *Registry }

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	out <- proxiesDesc
	out <- keysDesc
	out <- heldDesc
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	b, now := c.registry, c.registry.now()
	heard, silent, known, unknown, held := 0, 0, 0, 0, 0
	for _, g := range b.allGateways() {
		g.mu.RLock()
		for _, p := range g.proxies {
			if p.heard(b, now) {
				heard++
			} else {
				silent++
			}
		}
		g.mu.RUnlock()
	}
	for _, e := range b.allEntries() {
		if e.plan.Load().scaler == nil {
			continue
		}
		r, err := b.Read(e.key)
		held += r.Held
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
