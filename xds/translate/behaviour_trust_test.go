package translate_test

import (
	"net"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/proxytest"
)

// heard says which backends hear a header of a client.
type heard struct{ service, pool bool }

var (
	both     = heard{service: true, pool: true}
	services = heard{service: true}
	neither  = heard{}
)

// clientHeaders is the decision about each request header that Envoy, a filter, a picker or a model
// server acts on.
var clientHeaders = map[heard][]string{
	neither: {
		// What one Envoy says to the next, as far as Envoy's sources know it, and what it may say one day.
		"x-envoy-attempt-count", "x-envoy-auth-failure-mode-allowed", "x-envoy-cluster", "x-envoy-decorator-operation", "x-envoy-degraded",
		"x-envoy-downstream-service-cluster", "x-envoy-downstream-service-node", "x-envoy-dynamic-host", "x-envoy-expected-rq-timeout-ms",
		"x-envoy-fault-abort-request", "x-envoy-fault-delay-request", "x-envoy-force-trace", "x-envoy-hedge-on-per-try-timeout",
		"x-envoy-immediate-health-check-fail", "x-envoy-internal", "x-envoy-ip-tags", "x-envoy-is-timeout-retry", "x-envoy-livez",
		"x-envoy-local-overloaded", "x-envoy-local-rate-limited", "x-envoy-max-retries", "x-envoy-not-forwarded",
		"x-envoy-original-dst-host", "x-envoy-original-host", "x-envoy-original-method", "x-envoy-original-path", "x-envoy-original-url",
		"x-envoy-overloaded", "x-envoy-peer-metadata", "x-envoy-peer-metadata-id", "x-envoy-ratelimited", "x-envoy-retriable-header-names",
		"x-envoy-retriable-status-codes", "x-envoy-retry-grpc-on", "x-envoy-retry-on", "x-envoy-upstream-alt-stat-name",
		"x-envoy-upstream-canary", "x-envoy-upstream-healthchecked-cluster", "x-envoy-upstream-rq-per-try-timeout-ms",
		"x-envoy-upstream-rq-timeout-alt-response", "x-envoy-upstream-rq-timeout-ms", "x-envoy-upstream-service-time",
		"x-envoy-upstream-stream-duration-ms", "x-envoy-anything-else",
		"x-forwarded-client-cert",
		// What proxies say about their clients, of which none is trusted here.
		"x-forwarded-host", "x-forwarded-port", "forwarded",
		// The keys of the product's tables, and the words of the picker protocol.
		"x-gw-chain", "x-gw-host",
		"x-gateway-destination-endpoint", "x-gateway-destination-endpoint-served", "x-gateway-destination-endpoint-subset",
		"x-gateway-destination-endpoint-fallbacks", "x-gateway-destination-endpoint-exclude",
		"x-llm-d-router-destination-endpoint", "x-llm-d-router-destination-endpoint-subset",
		// Hop by hop.
		"upgrade", "proxy-connection", "keep-alive",
	},
	services: {
		// What pickers tell the Pods of a pool.
		"x-prefiller-host-port", "x-llm-d-prefiller-host-port", "x-prefiller-url", "x-encoder-hosts-ports", "x-llm-d-encoder-hosts-ports",
		"x-encoder-host-ports", "x-kv-cache-source-host-port", "x-llm-d-kv-cache-source-host-port", "x-data-parallel-host-port",
		"x-llm-d-data-parallel-host-port", "x-worker-instance-id", "x-prefill-instance-id", "x-decode-instance-id", "x-dp-rank",
		"x-prefill-dp-rank", "x-dynamo-routing-mode", "x-epp-inject-nvext-token-data",
	},
	both: {
		// What clients do say: to pickers, to applications, to tracing systems.
		"x-gateway-inference-objective", "x-gateway-inference-fairness-id", "x-llm-d-inference-objective", "x-llm-d-inference-fairness-id",
		"x-llm-d-slo-ttft-ms", "x-llm-d-slo-tpot-ms", "x-slo-ttft-ms", "x-slo-tpot-ms",
		"x-gateway-model-name", "x-gateway-model-name-rewrite", "x-llm-d-model-name-rewrite", "test-epp-endpoint-selection",
		"x-request-id", "x-client-trace-id", "traceparent", "b3", "grpc-timeout",
		"x-real-ip", "x-http-method-override", "x-gw-other", "x-keda-http-cold-start", "prefer", "authorization",
	},
}

// TestG13HeadersOfClients sends each of them, on every kind of host, to a Service and to pools that
// fail open and closed.
func TestG13HeadersOfClients(t *testing.T) {
	w := newWorld(t)
	pod := echo(t, "pod")
	picker := proxytest.StartPicker(t, "picker")
	picker.Pick(pod)
	hosts := w.everywhere(route("service", prefix("/service"), to(w.service("service"))),
		route("closed", prefix("/closed"), &ir.Forward{Targets: []ir.Target{w.pool("closed", false, picker, pod)}}),
		route("open", prefix("/open"), &ir.Forward{Targets: []ir.Target{w.pool("open", true, nil, pod)}}))
	w.apply()
	for _, host := range hosts {
		for _, path := range []string{"/service", "/closed", "/open"} {
			headers := map[string]string{}
			for _, names := range clientHeaders {
				for _, name := range names {
					headers[name] = "forged"
				}
			}
			headers["grpc-timeout"] = "10S"
			out := w.expect(ask{host: host, path: path, headers: headers}, 200, "")
			for who, names := range clientHeaders {
				want := who.pool
				if path == "/service" {
					want = who.service
				}
				for _, name := range names {
					// What the picker says has another value.
					if got := out.Headers.Get(name) == headers[name]; got != want {
						t.Errorf("%s%s: the backend sees %s: %v, want %v", host, path, name, got, want)
					}
				}
			}
		}
	}
}

// TestG13PickersSteerPods: what a picker tells a Pod about where a request is computed arrives, with and without a body, also when the
// client says the same header.
func TestG13PickersSteerPods(t *testing.T) {
	w := newWorld(t)
	pod := echo(t, "pod")
	picker := proxytest.StartPicker(t, "picker")
	picker.Pick(pod)
	said, forged := map[string]string{}, map[string]string{}
	for _, name := range clientHeaders[services] {
		said[name], forged[name] = "10.0.0.1:8000", "169.254.169.254:80"
	}
	picker.Say(said)
	hosts := w.everywhere(route("closed", prefix("/closed"), &ir.Forward{Targets: []ir.Target{w.pool("closed", false, picker, pod)}}),
		route("open", prefix("/open"), &ir.Forward{Targets: []ir.Target{w.pool("open", true, picker, pod)}}))
	w.apply()
	for _, host := range hosts {
		for _, path := range []string{"/closed", "/open"} {
			for _, body := range []string{"", "prompt"} {
				out := w.expect(ask{host: host, path: path, method: "POST", headers: forged, body: body}, 200, "pod")
				for name, want := range said {
					if got := out.Headers.Values(name); len(got) != 1 || got[0] != want {
						t.Errorf("%s%s: the Pod sees %s: %q, want %q of the picker", host, path, name, got, want)
					}
				}
			}
		}
	}
}

// TestG13ForwardedFor: a client adds to the addresses that it says it forwards for, and says neither its
// own address nor how it connected.
func TestG13ForwardedFor(t *testing.T) {
	w := newWorld(t)
	hosts := w.everywhere(route("service", prefix("/"), to(w.service("service"))))
	w.apply()
	for _, host := range hosts {
		out := w.expect(ask{host: host, headers: map[string]string{
			"x-forwarded-for": "10.1.2.3", "x-envoy-external-address": "10.1.2.3", "x-forwarded-proto": "https",
		}}, 200, "service")
		if address := out.Headers.Get("x-envoy-external-address"); address != "127.0.0.1" {
			t.Errorf("%s: the backend sees the address %q", host, address)
		}
		// Envoy adds its own address for a client on its loopback.
		if said, added, _ := strings.Cut(out.Headers.Get("x-forwarded-for"), ","); said != "10.1.2.3" || net.ParseIP(added) == nil {
			t.Errorf("%s: the backend sees x-forwarded-for %q and %q", host, said, added)
		}
		if proto := out.Headers.Get("x-forwarded-proto"); proto != "http" {
			t.Errorf("%s: the backend sees x-forwarded-proto %q", host, proto)
		}
	}
}

// TestG13UpgradeGoesAroundNoPicker: WebSocket to a pool is refused, whether it fails open or closed, by
// HTTP/1.1 and by HTTP/2, and nothing is woken for it.
func TestG13UpgradeGoesAroundNoPicker(t *testing.T) {
	w := newWorld(t)
	pod := echo(t, "pod")
	picker, holder := proxytest.StartPicker(t, "picker"), proxytest.StartHolder(t)
	picker.Pick(pod)
	pool := func(name string, open bool) *ir.Forward {
		return &ir.Forward{Targets: []ir.Target{w.held(w.pool(name, open, picker, pod), holder)}}
	}
	hosts := w.everywhere(route("service", prefix("/service"), to(w.service("service"))),
		route("closed", prefix("/closed"), pool("closed", false)), route("open", prefix("/open"), pool("open", true)))
	w.apply()
	for _, host := range hosts {
		for path, want := range map[string]string{"/service": "service:ping", "/closed": "403 Forbidden", "/open": "403 Forbidden"} {
			if got := w.upgradeTo(host, path, "websocket"); got != want {
				t.Errorf("WebSocket to %s%s: %q, want %q", host, path, got, want)
			}
		}
		for path, want := range map[string]int{"/service": 200, "/closed": 403, "/open": 403} {
			got := w.raw2(false, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", host, ":path", path)
			if got != want {
				t.Errorf("WebSocket over HTTP/2 to %s%s: %d, want %d", host, path, got, want)
			}
		}
	}
	if asked := holder.Asked(); len(asked) != 0 {
		t.Errorf("the holder was asked about %v", asked)
	}
	for _, host := range hosts {
		w.expect(ask{host: host, path: "/open", method: "POST", body: "prompt"}, 200, "pod")
	}
}
