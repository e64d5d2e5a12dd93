package translate

import (
	_ "embed"
	"strings"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	statsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/stats/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	codecv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/upstream_codec/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/ir"
)

//go:embed usage.lua
var usageText string

const (
	// workNamespace is the metadata of a request that usage.lua writes, and of a cluster.
	workNamespace = "kedify.work"
	workKey       = "key" // of a cluster: the demand key
)

// workFilters read the answers of a cluster. They are filters of the cluster: what another one has is the same with and without them, and a
// host that is found by the fallback has them, too.
func workFilters() ([]*hcmv3.HttpFilter, error) {
	return filterList(namedFilter{"usage", &luav3.Lua{DefaultSourceCode: inline(usageText)}}, namedFilter{"codec", &codecv3.UpstreamCodec{}})
}

// requestLogs are what is written of requests, and what is counted.
func requestLogs(log *ir.AccessLog) ([]*accesslogv3.AccessLog, error) {
	written, err := requestLog(log)
	if err != nil {
		return nil, err
	}
	counted, err := workLog()
	return append(written, counted...), err
}

// workLog counts what usage.lua noted, under the demand key of the cluster that was chosen: neither a client nor a backend can say one.
// Every chain has it, so that a trigger which begins to ask changes no listener. A request without the metadata is not counted.
func workLog() ([]*accesslogv3.AccessLog, error) {
	counted := func(name, value string) *statsv3.Config_Counter {
		return &statsv3.Config_Counter{Stat: workStat(name), ValueFormat: value}
	}
	noted := func(name string) string { return "%DYNAMIC_METADATA(" + workNamespace + ":" + name + ")%" }
	tokens, err := statsLog("prompt", &statsv3.Config{Counters: []*statsv3.Config_Counter{
		counted(bootstrap.WorkPrompt, noted("prompt")), counted(bootstrap.WorkCached, noted("cached")),
		counted(bootstrap.WorkOutput, noted("output")),
		{Stat: workStat(bootstrap.WorkAnswers), ValueFixed: wrapperspb.UInt64(1)},
	}})
	if err != nil {
		return nil, err
	}
	first, err := statsLog("streamed", &statsv3.Config{Histograms: []*statsv3.Config_Histogram{{
		Stat: workStat(bootstrap.WorkFirst), Unit: statsv3.Config_Histogram_Milliseconds, ValueFormat: requestFields["ttft_ms"],
	}}})
	return []*accesslogv3.AccessLog{tokens, first}, err
}

func workStat(name string) *statsv3.Config_Stat {
	return &statsv3.Config_Stat{Name: name, Tags: []*statsv3.Config_Tag{{
		Name: strings.Trim(bootstrap.WorkKey, "."), ValueFormat: "%CLUSTER_METADATA(" + workNamespace + ":" + workKey + ")%",
	}}}
}

// statsLog counts requests that have a key of the metadata. What is counted is the same for all chains of the proxy.
func statsLog(noted string, config *statsv3.Config) (*accesslogv3.AccessLog, error) {
	config.StatsScope = &typev3.Scope{Prefix: strings.TrimSuffix(bootstrap.WorkPrefix, ".")}
	packed, err := typedConfig(config)
	if err != nil {
		return nil, err
	}
	return &accesslogv3.AccessLog{
		Name: "envoy.access_loggers.stats",
		Filter: &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_MetadataFilter{
			MetadataFilter: &accesslogv3.MetadataFilter{
				Matcher: &matcherv3.MetadataMatcher{
					Filter: workNamespace,
					Path:   []*matcherv3.MetadataMatcher_PathSegment{{Segment: &matcherv3.MetadataMatcher_PathSegment_Key{Key: noted}}},
					Value:  &matcherv3.ValueMatcher{MatchPattern: &matcherv3.ValueMatcher_PresentMatch{PresentMatch: true}},
				},
				MatchIfKeyNotFound: wrapperspb.Bool(false),
			},
		}},
		ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: packed},
	}, nil
}
