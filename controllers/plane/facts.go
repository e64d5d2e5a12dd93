package plane

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/kedify/inference-gateway/controllers/certs"
	"github.com/kedify/inference-gateway/internal/telemetry"
)

var (
	buildDesc = prometheus.NewDesc("kedify_gateway_build_info",
		"What this replica was built from; always 1.", []string{"version", "revision", "goversion"}, nil)
	leaderDesc = prometheus.NewDesc("kedify_gateway_leader", "Whether this replica writes to the API server.", nil, nil)
	expiryDesc = prometheus.NewDesc("kedify_gateway_certificate_expiry_timestamp_seconds",
		"When a certificate ends, in seconds since 1970: ca (it signs all others), admission (this replica shows it to API servers), "+
			"gateway (the Envoys of a Gateway have it; the leader exports it).", []string{"certificate", "gateway"}, nil)
)

// facts are a collector of what the plane knows about itself.
type facts struct{ plane *Plane }

// Describe implements prometheus.Collector.
func (f facts) Describe(out chan<- *prometheus.Desc) {
	out <- buildDesc
	out <- leaderDesc
	out <- expiryDesc
}

// Collect implements prometheus.Collector. What is not known is left out.
func (f facts) Collect(out chan<- prometheus.Metric) {
	p := f.plane
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	build := telemetry.Build()
	gauge(buildDesc, 1, build.Version, build.Revision, build.Go)
	leads := p.leadership.Leads()
	gauge(leaderDesc, map[bool]float64{true: 1}[leads])
	if authority, err := p.authority.Authority(); err == nil {
		gauge(expiryDesc, float64(authority.Expiry().Unix()), "ca", "")
	}
	if p.deps.Options.AdmissionListen != "" {
		if expiry, err := certs.ServingExpiry(p.triggers.tls); err == nil {
			gauge(expiryDesc, float64(expiry.Unix()), "admission", "")
		}
	}
	if !leads {
		return // another replica renews them
	}
	for gateway, expiry := range p.dataPlanes.Expiries() {
		gauge(expiryDesc, float64(expiry.Unix()), "gateway", gateway.String())
	}
}
