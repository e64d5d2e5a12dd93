// Package usage has the work of requests counted by what answers say of it: their tokens, and the time to the first one.
//
// Job: the script that reads answers, the counters that are fed by what it notes, and the metadata between the two.
// Inputs: none of a request or of a user. Outputs: parts of Envoy's messages. PURE. Ownership: values.
//
// Which clusters have their answers read is up to package translate; the names of the statistics are those of xds/bootstrap
// (docs/adr/0060-work-of-requests.md).
package usage

import (
	_ "embed"
	"strings"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	statsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/stats/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/xds/bootstrap"
)

// Script is the source of the script.
//
//go:embed usage.lua
var Script string

const (
	// Namespace is the metadata of a request that the script writes, and of a cluster.
	Namespace = "kedify.work"
	// Key is that of a cluster's metadata with its demand key.
	Key = "key"
	// Tokens and Streamed are keys of a request's metadata: there when an answer said its tokens, and when it was streamed.
	Tokens, Streamed = "prompt", "streamed"
)

// Answers counts the tokens of answers, under the demand key of the cluster that was chosen: neither a client nor a backend can say one.
func Answers() *statsv3.Config {
	counted := func(name, key string) *statsv3.Config_Counter {
		return &statsv3.Config_Counter{Stat: stat(name), ValueFormat: "%DYNAMIC_METADATA(" + Namespace + ":" + key + ")%"}
	}
	return &statsv3.Config{StatsScope: scope(), Counters: []*statsv3.Config_Counter{
		counted(bootstrap.WorkPrompt, Tokens), counted(bootstrap.WorkCached, "cached"), counted(bootstrap.WorkOutput, "output"),
		{Stat: stat(bootstrap.WorkAnswers), ValueFixed: wrapperspb.UInt64(1)},
	}}
}

// FirstTokens is the histogram of a time in milliseconds, in Envoy's words for a log.
func FirstTokens(format string) *statsv3.Config {
	return &statsv3.Config{StatsScope: scope(), Histograms: []*statsv3.Config_Histogram{{
		Stat: stat(bootstrap.WorkFirst), Unit: statsv3.Config_Histogram_Milliseconds, ValueFormat: format,
	}}}
}

// scope is the same for all chains of a proxy: what they count is added up.
func scope() *typev3.Scope {
	return &typev3.Scope{Prefix: strings.TrimSuffix(bootstrap.WorkPrefix, ".")}
}

func stat(name string) *statsv3.Config_Stat {
	return &statsv3.Config_Stat{Name: name, Tags: []*statsv3.Config_Tag{{
		Name: strings.Trim(bootstrap.WorkKey, "."), ValueFormat: "%CLUSTER_METADATA(" + Namespace + ":" + Key + ")%",
	}}}
}

// Noted lets pass requests that have a key of the metadata.
func Noted(key string) *accesslogv3.AccessLogFilter {
	return &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_MetadataFilter{
		MetadataFilter: &accesslogv3.MetadataFilter{
			Matcher: &matcherv3.MetadataMatcher{
				Filter: Namespace,
				Path:   []*matcherv3.MetadataMatcher_PathSegment{{Segment: &matcherv3.MetadataMatcher_PathSegment_Key{Key: key}}},
				Value:  &matcherv3.ValueMatcher{MatchPattern: &matcherv3.ValueMatcher_PresentMatch{PresentMatch: true}},
			},
			MatchIfKeyNotFound: wrapperspb.Bool(false),
		},
	}}
}
