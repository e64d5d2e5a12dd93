package backend

import (
	"testing"

	"github.com/kedify/inference-gateway/controllers/resolve/fixture"
	"github.com/kedify/inference-gateway/xds/ir"
)

// TestReencryptsWhereverRequestsAreCounted: with externalProxyMetricKey, requests count at an Envoy of the
// user's, and the application speaks TLS nevertheless. The health checks of load balancers, which count for
// no trigger, were led to it in clear text: their route was refused while the trigger said that all is well.
func TestReencryptsWhereverRequestsAreCounted(t *testing.T) {
	for _, key := range []string{"", "outbound"} {
		s := fixture.Store(t, `
kind: HTTPScaler
metadata: {name: web-0, namespace: app}
spec:
  type: kedify-http
  backend: {service: web, port: 443}
  metric: {externalProxyMetricKey: "`+key+`"}
  tls: {mode: reencrypt}
`)
		cluster := ir.ClusterKey{Kind: ir.BackendService, Namespace: "app", Name: "web", Port: 443}
		if !Reencrypts(s.View(nil), cluster, "tls") {
			t.Errorf("key %q: the backend is not spoken TLS to", key)
		}
		if cluster.Port = 80; Reencrypts(s.View(nil), cluster, "http") {
			t.Errorf("key %q: another port of the Service is spoken TLS to", key)
		}
		found := OldestScaler(s.View(nil), ir.ClusterKey{Kind: ir.BackendService, Namespace: "app", Name: "web", Port: 443}, "tls")
		if (found != nil) != (key == "") {
			t.Errorf("key %q: requests count for %v", key, found)
		}
	}
}
