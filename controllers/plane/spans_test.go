package plane_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/xds/proxytest"
	"github.com/kedify/inference-gateway/xds/server/deltatest"
)

// TestEndingReplicaExportsItsSpans: a replica that ends sends its held requests to another one, and exports their spans before it is gone.
// A collector that does not answer delays its end by seconds.
func TestEndingReplicaExportsItsSpans(t *testing.T) {
	for name, answers := range map[string]bool{"collector": true, "collector that does not answer": false} {
		t.Run(name, func(t *testing.T) {
			collector := proxytest.StartCollector(t)
			if !answers {
				collector.Answer(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
			}
			c := newCluster(t, serviceYAML("a"), scaledObjectYAML)
			c.tracing = "http://" + collector.Address
			leader := c.leader("127.0.0.1")
			gateway := types.NamespacedName{Namespace: "apps", Name: v1alpha1.ProxyGatewayName}
			c.Eventually(c.condition(gatewayNamed(gateway), "Accepted")).Should(Equal("True/Accepted"))
			leader.proxy(gateway, deltatest.Options{Node: "envoy"})
			c.Eventually(func() string { return leader.held().Name }).ShouldNot(BeEmpty())
			leader.requestWith(c.credentials(gateway), "envoy", leader.held().Name, "apps/web-0",
				"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
			c.Eventually(func() int { return leader.held().Held }).Should(Equal(1))

			began := time.Now()
			leader.stop()
			took := time.Since(began)
			t.Logf("ended after %s", took.Round(time.Millisecond))
			c.Expect(took).To(BeNumerically("<", 10*time.Second))
			if !answers {
				c.Expect(leader.metric("kedify_gateway_hold_spans_total")()).To(BeNumerically("<=", 1))
				return
			}
			c.Expect(collector.Spans()).To(HaveLen(1))
			span := collector.Spans()[0]
			c.Expect(span.Attributes).To(And(HaveKeyWithValue("kedify.hold.answer", "elsewhere"),
				HaveKeyWithValue("kedify.scaled_object", "apps/web"), HaveKeyWithValue("kedify.gateway", gateway.String())))
			c.Expect(span.Resource).To(And(HaveKeyWithValue("service.instance.id", "127.0.0.1"),
				HaveKeyWithValue("k8s.namespace.name", installation)))
		})
	}
}
