package publish

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kedify/inference-gateway/xds/ir"
)

// Metrics counts what the publisher does.
type Metrics struct {
	pushes, bytes, acks, nacks *prometheus.CounterVec
	exceeded                   *prometheus.CounterVec
	quarantine, proxies, sizes *prometheus.GaugeVec
	propagation                *prometheus.HistogramVec
}

// NewMetrics returns metrics that are not registered yet.
func NewMetrics() *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "kedify_gateway", Subsystem: "xds", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "kedify_gateway", Subsystem: "xds", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		pushes:     counter("pushed_resources_total", "Resources and removals sent to proxies.", "type"),
		bytes:      counter("pushed_bytes_total", "Bytes of the resources sent to proxies.", "type"),
		acks:       counter("acks_total", "Responses that a proxy accepted.", "type"),
		nacks:      counter("nacks_total", "Responses that a proxy rejected.", "type"),
		exceeded:   counter("warm_budget_exceeded_total", "Resources sent although a cluster they name was not warm in time.", "gateway", "type"),
		quarantine: gauge("quarantined_resources", "Resources withheld because a proxy rejected them.", "gateway"),
		proxies:    gauge("connected_proxies", "Proxies with an open stream.", "gateway"),
		sizes:      gauge("resources", "Desired resources.", "gateway", "type"),
		propagation: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "kedify_gateway", Subsystem: "xds", Name: "propagation_seconds",
			Help:    "From the change of a resource to the ACK of the last connected proxy.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16),
		}, []string{"type"}),
	}
	for _, name := range kindNames { // the first of each is an increase as well
		for _, counted := range []*prometheus.CounterVec{m.pushes, m.bytes, m.acks, m.nacks} {
			counted.WithLabelValues(name)
		}
	}
	return m
}

// Register registers the metrics.
func (m *Metrics) Register(registerer prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{m.pushes, m.bytes, m.acks, m.nacks, m.exceeded, m.quarantine, m.proxies, m.sizes, m.propagation} {
		if err := registerer.Register(c); err != nil {
			return err
		}
	}
	return nil
}

func (m *Metrics) pushed(sent *response) {
	m.pushes.WithLabelValues(kindNames[sent.kind]).Add(float64(len(sent.items)))
	m.bytes.WithLabelValues(kindNames[sent.kind]).Add(float64(sent.bytes))
}

func (m *Metrics) acked(k kind) { m.acks.WithLabelValues(kindNames[k]).Inc() }

func (m *Metrics) nacked(k kind) { m.nacks.WithLabelValues(kindNames[k]).Inc() }

func (m *Metrics) budgetExceeded(gateway ir.Key, k kind) {
	m.exceeded.WithLabelValues(gateway.String(), kindNames[k]).Inc()
}

func (m *Metrics) quarantined(gateway ir.Key, count int) {
	m.quarantine.WithLabelValues(gateway.String()).Set(float64(count))
}

func (m *Metrics) connected(gateway ir.Key, count int) {
	m.proxies.WithLabelValues(gateway.String()).Set(float64(count))
}

func (m *Metrics) resources(g *gatewayState) {
	name := g.key.String()
	m.proxies.WithLabelValues(name) // zero, unless a proxy is connected
	m.quarantine.WithLabelValues(name)
	for k, count := range g.desired {
		m.sizes.WithLabelValues(name, kindNames[k]).Set(float64(count))
	}
}

func (m *Metrics) propagated(k kind, took time.Duration) {
	m.propagation.WithLabelValues(kindNames[k]).Observe(took.Seconds())
}

func (m *Metrics) forget(gateway ir.Key) {
	labels := prometheus.Labels{"gateway": gateway.String()}
	m.exceeded.DeletePartialMatch(labels)
	m.quarantine.DeletePartialMatch(labels)
	m.proxies.DeletePartialMatch(labels)
	m.sizes.DeletePartialMatch(labels)
}
