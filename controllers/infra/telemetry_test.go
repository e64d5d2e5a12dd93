package infra

import (
	"strings"
	"testing"

	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/xds/bootstrap"
)

// TestMetricsFollowParameters: what the parameters say about metrics reaches the bootstrap, and so replaces the proxies; what they say
// about the access log does not.
func TestMetricsFollowParameters(t *testing.T) {
	render := func(telemetry *v1alpha1.Telemetry) (text, hash string) {
		spec := plainSpec()
		spec.Infrastructure.Parameters.Telemetry = telemetry
		boot, err := renderBootstrap(spec, testConfig)
		if err != nil {
			t.Fatal(err)
		}
		return boot.files[bootstrap.BootstrapFile], boot.hash()
	}
	plain, before := render(nil)
	for name, c := range map[string]struct {
		telemetry    *v1alpha1.Telemetry
		port, series bool
	}{
		"nothing": {nil, true, false},
		"log":     {&v1alpha1.Telemetry{AccessLog: &v1alpha1.AccessLog{Disable: ptr.To(true)}}, true, false},
		"off": {&v1alpha1.Telemetry{Metrics: &v1alpha1.ProxyMetrics{
			Prometheus: &v1alpha1.PrometheusListener{Disable: ptr.To(true)},
		}}, false, false},
		"backends": {&v1alpha1.Telemetry{Metrics: &v1alpha1.ProxyMetrics{EnableBackendStats: ptr.To(true)}}, true, true},
	} {
		text, hash := render(c.telemetry)
		if strings.Contains(text, "port_value: 19001") != c.port {
			t.Errorf("%s: the port is not as wanted", name)
		}
		if strings.Contains(text, "suffix: .upstream_rq_time") != c.series || strings.Contains(text, "(?:time|[1-4]xx)") != c.series {
			t.Errorf("%s: series of backends are not as wanted", name)
		}
		if same := c.port && !c.series; (hash == before) != same || (text == plain) != same {
			t.Errorf("%s: the same proxies: %t, want %t", name, hash == before, same)
		}
	}
}

// TestScrapersFindTheMetrics: annotations and a port say where, and the user's annotations win.
func TestScrapersFindTheMetrics(t *testing.T) {
	spec := plainSpec()
	template := podSpecOf(t, spec)
	for name, want := range map[string]string{
		"prometheus.io/scrape": "true", "prometheus.io/port": "19001", "prometheus.io/path": "/stats/prometheus",
	} {
		if got := template.Annotations[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	ports := template.Spec.InitContainers[0].Ports
	if len(ports) != 1 || ports[0].Name != "metrics" || ports[0].ContainerPort != 19001 {
		t.Errorf("%+v", ports)
	}
	spec.Infrastructure.Annotations = map[string]string{"prometheus.io/scrape": "false", "prometheus.io/path": "/mine"}
	template = podSpecOf(t, spec)
	a := template.Annotations
	if a["prometheus.io/scrape"] != "false" || a["prometheus.io/path"] != "/mine" || a["prometheus.io/port"] != "19001" {
		t.Errorf("%v", a)
	}
}
