package bootstrap

import (
	metricsv3 "github.com/envoyproxy/go-control-plane/envoy/config/metrics/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/kedify/inference-gateway/xds/ir"
)

// Names of the statistics of work: of clusters whose trigger scales by what its requests give models to do (ir.Cluster.CountWork), and
// of no other. A proxy counts them under these names (xds/translate), and scaler/count reads them.
const (
	// WorkSuffix ends the name that such a cluster counts under, behind its demand key. It has a letter that no name of an object has.
	WorkSuffix = "+work"
	// WorkSent and WorkReceived are its bytes to and from backends, on the wire.
	WorkSent, WorkReceived = "upstream_cx_tx_bytes_total", "upstream_cx_rx_bytes_total"

	// WorkPrefix begins the names of what answers say: WorkPrefix, one of those below, WorkKey, the demand key.
	WorkPrefix = "work."
	WorkKey    = ".key."
	// WorkPrompt are tokens of prompts, WorkCached those of them that a cache had, WorkOutput tokens of answers, in WorkAnswers
	// answers that said so.
	WorkPrompt, WorkCached, WorkOutput, WorkAnswers = "prompt_tokens", "cached_tokens", "output_tokens", "answers"
	// WorkFirst is a histogram of streamed answers: milliseconds until the first byte of the body.
	WorkFirst = "first_ms"
)

// workBuckets are the classes of WorkFirst.
func workBuckets() *metricsv3.HistogramBucketSettings {
	return &metricsv3.HistogramBucketSettings{
		Match:   &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Prefix{Prefix: WorkPrefix + WorkFirst}},
		Buckets: ir.FirstTokenBounds[:],
	}
}
