package demand_test

import (
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/hold"
	"github.com/kedify/inference-gateway/scaler/numbers"
)

// BenchmarkScrape is one answer of /metrics with the series of 5,000 triggers, which ten proxies count for.
func BenchmarkScrape(b *testing.B) {
	for name, encoding := range map[string]string{"text": "identity", "gzip": "gzip"} {
		b.Run(name, func(b *testing.B) {
			c := newCrowd(b)
			for i := range c.keys {
				s := trigger()
				s.Key, s.Spec.ScaledObject, s.Spec.Trigger = c.keys[i], c.keys[i].Name[:len(c.keys[i].Name)-2], "0"
				c.catalog.Set(s.Key, s)
			}
			for range 10 {
				c.second(benchKeys / 10)
			}
			registry := prometheus.NewRegistry()
			registry.MustRegister(numbers.New(numbers.Options{
				Shares: c.Shares, Leads: func() bool { return true }, Ended: func(types.NamespacedName) hold.Ended { return hold.Ended{} },
			}))
			handler, bytes := promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), 0
			b.ReportAllocs()
			defer cpu(b)()
			for b.Loop() {
				request := httptest.NewRequest("GET", "/metrics", nil)
				request.Header.Set("Accept-Encoding", encoding)
				answer := httptest.NewRecorder()
				handler.ServeHTTP(answer, request)
				bytes = answer.Body.Len()
			}
			b.ReportMetric(float64(bytes), "bytes/scrape")
		})
	}
}

// BenchmarkShares is the part of it that reads the registry.
func BenchmarkShares(b *testing.B) {
	c := newCrowd(b)
	for range 10 {
		c.second(benchKeys / 10)
	}
	b.ReportAllocs()
	defer cpu(b)()
	for b.Loop() {
		if shares := c.Shares(); len(shares) != benchKeys {
			b.Fatalf("%d shares", len(shares))
		}
	}
}
