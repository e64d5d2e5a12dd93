package bootstrap

import (
	"fmt"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/config/metrics/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// What the proxy counts. Everything else is rejected before it is created: the default set
// costs 60 KiB per cluster and blocks the main thread for 112 to 448 ms at every flush with
// 5,000 to 20,000 clusters.
var (
	// Per cluster: what the scaler counts requests by, and the first thing to look at when a
	// backend does not answer. An attempt that got no connection is in none of the first two, but
	// its retry is in the second: the next three make up for it (scaler/count).
	includedSuffixes = []string{
		".upstream_rq_total",
		".upstream_rq_retry",
		".upstream_rq_pending_failure_eject",
		".upstream_rq_pending_overflow",
		".upstream_cx_none_healthy",
		".upstream_rq_active",
		".upstream_rq_pending_active",
		".upstream_rq_5xx",
		".upstream_cx_connect_fail",
		WorkSuffix + "." + WorkSent,
		WorkSuffix + "." + WorkReceived,
	}
	// Per process, but for the last, which is per trigger that asks. Nothing here grows with the number of hosts: statistics of route
	// tables (http.http.rds.) and of secrets are left out.
	includedPrefixes = []string{
		"cluster_manager.",
		"control_plane.",
		"http.http.downstream_",
		"http.http.ext_proc.",
		"http.http.lua.",
		"http.http.no_route",
		"http.http.scoped_rds.",
		"http.pickers.downstream_cx_active", // of the relay: the drain does not wait for them
		"listener_manager.",
		"main_thread.",
		"overload.",
		"server.",
		"tcp.tcp.",
		"udp.udp.",
		WorkPrefix,
	}
)

// latencySuffix is a histogram: from the moment when the last byte of a request is sent until the last one of its answer is there.
const latencySuffix = ".upstream_rq_time"

// latencyBuckets are upper bounds, in milliseconds, from those of web applications to those of models. Envoy's own are 19: a
// bucket is a line of each scrape for each backend.
var latencyBuckets = []float64{5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000}

// backendStatistics is an expression for the statistics that a cluster has where the user asks for them (Config.BackendStats). Envoy
// counts each of them a second time, by where the request came from ("external.upstream_rq_time"): those are left out, and with
// them half of the cost. A cluster has none of them whose name ends in one of these words behind a dot, or in one of the few that
// the expression takes for one: its own would have the same names.
var backendStatistics = `cluster\.(?:.*\.)?(?:` + strings.Join([]string{
	`[^.]*[^a-z.][^.]*`, `[a-z]{1,5}`, `[a-z]{7}`, `[a-z]{9,}`, lettersBut("canary"), lettersBut("external", "internal"),
}, "|") + `)\.upstream_rq_(?:time|[1-4]xx)`

// lettersBut is an expression for all words of small letters of one length, but those whose every letter is one of the
// letters which the given words have there.
func lettersBut(words ...string) string {
	var forms []string
	for i := range words[0] {
		var there string
		for _, word := range words {
			there += word[i : i+1]
		}
		forms = append(forms, fmt.Sprintf("[a-z]{%d}[^%s.][a-z]{%d}", i, there, len(words[0])-i-1))
	}
	return strings.Join(forms, "|")
}

func statistics(backends bool) *metricsv3.StatsConfig {
	config := &metricsv3.StatsConfig{HistogramBucketSettings: []*metricsv3.HistogramBucketSettings{workBuckets()}}
	var patterns []*matcherv3.StringMatcher
	if backends {
		patterns = append(patterns, &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{
			SafeRegex: &matcherv3.RegexMatcher{Regex: backendStatistics},
		}})
		config.HistogramBucketSettings = append(config.HistogramBucketSettings, &metricsv3.HistogramBucketSettings{
			Match:   &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Suffix{Suffix: latencySuffix}},
			Buckets: latencyBuckets,
		})
	}
	for _, suffix := range includedSuffixes {
		patterns = append(patterns, &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Suffix{Suffix: suffix}})
	}
	for _, prefix := range includedPrefixes {
		patterns = append(patterns, &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Prefix{Prefix: prefix}})
	}
	config.StatsMatcher = &metricsv3.StatsMatcher{StatsMatcher: &metricsv3.StatsMatcher_InclusionList{
		InclusionList: &matcherv3.ListStringMatcher{Patterns: patterns},
	}}
	return config
}

// flushInterval is how often the proxy reports what it counted. With the list above and 5,000
// clusters, ten of them in use, it costs the main thread 2.6 ms and 9 kB a second (bench/counting).
// A gauge that every cluster sets, like membership_total, would make it 20 ms and 364 kB.
const flushInterval = time.Second

// metricsSink reports to the control plane, on the connection of the configuration when Envoy
// has one: cumulative values, so that a lost report or a broken stream loses no count. Only what
// was ever used is sent.
func metricsSink() (*metricsv3.StatsSink, error) {
	config, err := packed(&metricsv3.MetricsServiceConfig{
		TransportApiVersion: corev3.ApiVersion_V3,
		// One form of each: by itself Envoy sends two. scaler/count reads that of WorkFirst, and no other.
		HistogramEmitMode: metricsv3.HistogramEmitMode_HISTOGRAM,
		GrpcService: &corev3.GrpcService{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
			EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: Cluster},
		}},
	})
	if err != nil {
		return nil, err
	}
	return &metricsv3.StatsSink{
		Name:       "envoy.stat_sinks.metrics_service",
		ConfigType: &metricsv3.StatsSink_TypedConfig{TypedConfig: config},
	}, nil
}
