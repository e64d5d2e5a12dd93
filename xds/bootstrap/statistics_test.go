package bootstrap

import (
	"regexp"
	"testing"
)

// TestBackendStatistics: those of each cluster, once.
func TestBackendStatistics(t *testing.T) {
	expression := regexp.MustCompile("^(?:" + backendStatistics + ")$")
	for _, cluster := range []string{
		"service/shop/web/80", "pool/shop/llama", "pool/shop/llama.v1", "pool/shop/llama.large", "pool/shop/a.b", "pool/shop/a.medium",
		"pool/shop/a.externals", "pool/shop/a.eternal", "demand/shop/a.b-http", "demand/shop/a.extra-external",
	} {
		for statistic, want := range map[string]bool{
			"upstream_rq_time": true, "upstream_rq_1xx": true, "upstream_rq_4xx": true, "external.upstream_rq_time": false,
			"internal.upstream_rq_2xx": false, "canary.upstream_rq_3xx": false, "upstream_cx_total": false, "upstream_rq_200": false,
		} {
			if name := "cluster." + cluster + "." + statistic; expression.MatchString(name) != want {
				t.Errorf("%s: %t", name, !want)
			}
		}
	}
}
