package trigger

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

func seconds(n float64) metav1.Duration {
	return metav1.Duration{Duration: time.Duration(n * float64(time.Second))}
}

// plain is what the least metadata stands for.
func plain() v1alpha1.HTTPScalerSpec {
	return v1alpha1.HTTPScalerSpec{
		Type: "kedify-http", ScaledObject: "shop", Trigger: "0",
		Hosts: []string{"www.shop.test"}, PathPrefixes: []string{"/"},
		Backend: v1alpha1.HTTPScalerBackend{Service: "web", Port: ptr[int32](8080), LoadBalancing: "dns"},
		Metric: v1alpha1.HTTPScalerMetric{Type: "requestRate", Target: 100,
			RequestRate: &v1alpha1.RequestRateMetric{Window: seconds(60), Granularity: seconds(1)}},
		TLS: v1alpha1.HTTPScalerTLS{Mode: "plaintext"},
		Scale: v1alpha1.HTTPScalerScale{
			Target: v1alpha1.HTTPScalerTarget{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"},
			Min:    0, Max: 100, CooldownSeconds: 300, PollingSeconds: 30,
		},
	}
}

// TestSpec: what metadata turns into.
func TestSpec(t *testing.T) {
	type spec = v1alpha1.HTTPScalerSpec
	for name, c := range map[string]struct {
		metadata changes
		want     func(*spec)
	}{
		"least": {nil, func(*spec) {}},
		"hosts are trimmed and lowered": {
			changes{"hosts": " A.Test , *.b.test,localhost"},
			func(s *spec) { s.Hosts = []string{"a.test", "*.b.test", "localhost"} },
		},
		"every host": {changes{"hosts": "*"}, func(s *spec) { s.Hosts = []string{"*"} }},
		"paths": {
			changes{"pathPrefixes": " /v1/ , /a%20b,/"},
			func(s *spec) { s.PathPrefixes = []string{"/v1", "/a%20b", "/"} },
		},
		"headers in YAML": {
			changes{"headers": "- name: App\n  value: foo\n- name: X-Number\n  value: 1\n- name: x-there\n"},
			func(s *spec) {
				s.Headers = []v1alpha1.HTTPScalerHeader{
					{Name: "app", Value: ptr("foo")}, {Name: "x-number", Value: ptr("1")}, {Name: "x-there"},
				}
			},
		},
		"headers that are indented": {
			changes{"headers": "  - name: a\n  - name: b\n"},
			func(s *spec) { s.Headers = []v1alpha1.HTTPScalerHeader{{Name: "a"}, {Name: "b"}} },
		},
		"headers in JSON": {
			changes{"headers": `[{"name": "User-Agent", "valueRegex": "Go/[0-9]+(\\.[0-9]+)*"}, {"name": "x-a", "valueWildcard": "Py*"}]`},
			func(s *spec) {
				s.Headers = []v1alpha1.HTTPScalerHeader{
					{Name: "user-agent", ValueRegex: ptr(`Go/[0-9]+(\.[0-9]+)*`)}, {Name: "x-a", ValueWildcard: ptr("Py*")},
				}
			},
		},
		"models": {
			changes{"model": " red, org/blue-*,red"},
			func(s *spec) { s.Models = []string{"red", "org/blue-*"} },
		},
		"every model": {changes{"model": "*"}, func(s *spec) { s.Models = []string{"*"} }},
		"named port": {
			changes{"port": "-", "portName": "http", "loadbalancing": "eds"},
			func(s *spec) { s.Backend.Port, s.Backend.PortName, s.Backend.LoadBalancing = nil, "http", "eds" },
		},
		"pool": {
			changes{"inferencePool": "llm", "port": "9002"},
			func(s *spec) {
				s.Backend.InferencePool, s.Backend.Port, s.Backend.LoadBalancing = "llm", ptr[int32](9002), "eds"
			},
		},
		"pool without Service": {
			changes{"inferencePool": "llm", "service": "-", "port": "-"},
			func(s *spec) { s.Backend = v1alpha1.HTTPScalerBackend{InferencePool: "llm", LoadBalancing: "eds"} },
		},
		"Service autowiring": {
			changes{"trafficAutowire": "Service", "fallbackService": "web-pods"},
			func(s *spec) { s.Autowire, s.Backend.FallbackService = []v1alpha1.AutowireKind{"service"}, "web-pods" },
		},
		"autowiring": {
			changes{"trafficAutowire": "httproute, Ingress ,virtualservice,route"},
			func(s *spec) { s.Autowire = []v1alpha1.AutowireKind{"httproute", "ingress", "virtualservice", "route"} },
		},
		"no autowiring": {changes{"trafficAutowire": "False"}, func(s *spec) { s.Autowire = []v1alpha1.AutowireKind{"false"} }},
		"concurrency": {
			changes{"scalingMetric": "concurrency", "targetValue": "1"},
			func(s *spec) {
				s.Metric = v1alpha1.HTTPScalerMetric{
					Type: "concurrency", Target: 1, Concurrency: &v1alpha1.ConcurrencyMetric{Aggregation: "average"},
				}
			},
		},
		"peak": {
			changes{"scalingMetric": "concurrency", "concurrencyAggregation": "peak", "activationTargetValue": "3"},
			func(s *spec) {
				s.Metric = v1alpha1.HTTPScalerMetric{
					Type: "concurrency", Target: 100, ActivationTarget: 3, Concurrency: &v1alpha1.ConcurrencyMetric{Aggregation: "peak"},
				}
			},
		},
		"window": {
			changes{"window": "1m30s", "granularity": "500ms"},
			func(s *spec) {
				s.Metric.RequestRate.Window, s.Metric.RequestRate.Granularity = seconds(90), seconds(0.5)
			},
		},
		"window shorter than a second": {
			changes{"window": "500ms"},
			func(s *spec) {
				s.Metric.RequestRate.Window, s.Metric.RequestRate.Granularity = seconds(0.5), seconds(0.5)
			},
		},
		"as many steps as there can be": {
			changes{"window": "1h"}, func(s *spec) { s.Metric.RequestRate.Window = seconds(3600) },
		},
		"an Envoy of the user": {
			changes{"externalProxyMetricKey": " edge "}, func(s *spec) { s.Metric.ExternalProxyMetricKey = "edge" },
		},
		"a Secret alone means reencrypt": {
			changes{"tlsSecretName": "cert"},
			func(s *spec) { s.TLS = v1alpha1.HTTPScalerTLS{Mode: "reencrypt", SecretName: "cert"} },
		},
		"TLS towards clients only": {
			changes{"tlsSecretName": "cert", "tlsMode": "plaintext"},
			func(s *spec) { s.TLS = v1alpha1.HTTPScalerTLS{Mode: "plaintext", SecretName: "cert"} },
		},
		"passthrough leaves out what it cannot do": {
			changes{"tlsMode": "passthrough", "tlsSecretName": "cert", "healthcheckPath": "/h", "maintenancePageEnabled": "true",
				"coldStartWaitingPageEnabled": "true"},
			func(s *spec) { s.TLS = v1alpha1.HTTPScalerTLS{Mode: "passthrough"} },
		},
		"health check": {
			changes{"healthcheckPath": "/healthz"},
			func(s *spec) {
				s.HealthCheck = v1alpha1.HTTPScalerHealthCheck{Path: "/healthz", Response: "passthrough"}
			},
		},
		"static health check": {
			changes{"healthcheckPath": "/healthz/", "healthcheckResponse": "static"},
			func(s *spec) {
				s.HealthCheck = v1alpha1.HTTPScalerHealthCheck{Path: "/healthz/", Response: "static"}
			},
		},
		"health check by address": {
			changes{"healthcheckPathPrefix": "/kedify-proxy/demo.keda/", "healthcheckResponse": "pathEmbeddedHost"},
			func(s *spec) {
				s.HealthCheck = v1alpha1.HTTPScalerHealthCheck{Response: "pathEmbeddedHost", PathPrefix: "/kedify-proxy/demo.keda"}
			},
		},
		"pages": {
			changes{"coldStartWaitingPageEnabled": "true", "coldStartWaitingPageConfigMapRef": "wait", "maintenancePageEnabled": "True"},
			func(s *spec) {
				s.Hold.WaitingPage = v1alpha1.HTTPScalerPage{Enabled: true, ConfigMap: "wait"}
				s.Maintenance = v1alpha1.HTTPScalerPage{Enabled: true}
			},
		},
		"a page that is off": {
			changes{"coldStartWaitingPageEnabled": "false", "coldStartWaitingPageConfigMapRef": "wait"}, func(*spec) {},
		},
		"hold": {
			changes{"holdTimeout": "90s", "maxPendingRequests": "500", "scaleFromZero": "needed"},
			func(s *spec) {
				s.Hold = v1alpha1.HTTPScalerHold{Timeout: ptr(seconds(90)), MaxPending: ptr[int32](500)}
				s.Scale.OneStep = true
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := plain()
			c.want(&want)
			if diff := cmp.Diff(want, accepted(t, shop(httpTrigger(c.metadata)))); diff != "" {
				t.Errorf("spec (- want, + got):\n%s", diff)
			}
		})
	}
}
