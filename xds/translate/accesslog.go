package translate

import (
	"strings"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	statsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/stats/v3"
	streamv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/stream/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/translate/usage"
)

// requestFields are the fields of one JSON line per HTTP request: the client, which rule and
// endpoint answered, what the picker said, why the proxy answered itself, and where the time went (milliseconds).
//
// The time to the first token is that to the first byte of the body: a model sends its headers before it computes.
var requestFields = map[string]string{
	"time":           "%START_TIME%",
	"method":         "%REQ(:METHOD)%",
	"authority":      "%REQ(:AUTHORITY)%",
	"path":           "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
	"protocol":       "%PROTOCOL%",
	"status":         "%RESPONSE_CODE%",
	"flags":          "%RESPONSE_FLAGS%",
	"details":        "%RESPONSE_CODE_DETAILS%",
	"failure":        "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
	"chain":          "%FILTER_CHAIN_NAME%",
	"server_name":    "%REQUESTED_SERVER_NAME%",
	"route":          "%ROUTE_NAME%",
	"cluster":        "%UPSTREAM_CLUSTER_RAW%",
	"endpoint":       "%UPSTREAM_HOST%",
	"attempts":       "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
	"reason":         "%REQ(" + reasonHeader + ")%",
	"scaled_object":  "%CLUSTER_METADATA(" + clusterNamespace + ":" + scaledObjectKey + ")%",
	"cold_start":     "%DYNAMIC_METADATA(" + HoldNamespace + ":" + HoldCold + ")%",
	"held_ms":        "%DYNAMIC_METADATA(" + HoldNamespace + ":" + HoldMilliseconds + ")%",
	"ttft_ms":        "%COMMON_DURATION(DS_RX_BEG:US_RX_BODY_BEG:ms)%",
	"picked":         "%DYNAMIC_METADATA(" + PickNamespace + ":" + PickKey + ")%",
	"served":         "%DYNAMIC_METADATA(" + PickNamespace + ":" + servedKey + ")%",
	"bytes_received": "%BYTES_RECEIVED%",
	"bytes_sent":     "%BYTES_SENT%",
	"duration":       "%DURATION%",
	"request_done":   "%REQUEST_DURATION%",
	"response_start": "%RESPONSE_DURATION%",
	"client":         "%DOWNSTREAM_REMOTE_ADDRESS%",
	"forwarded_for":  "%REQ(X-FORWARDED-FOR)%",
	"request_id":     "%REQ(X-REQUEST-ID)%",
	"user_agent":     "%REQ(USER-AGENT)%",
}

// connectionFields are the fields of one line per layer 4 connection.
var connectionFields = map[string]string{
	"time":           "%START_TIME%",
	"flags":          "%RESPONSE_FLAGS%",
	"details":        "%CONNECTION_TERMINATION_DETAILS%",
	"failure":        "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
	"chain":          "%FILTER_CHAIN_NAME%",
	"server_name":    "%REQUESTED_SERVER_NAME%",
	"cluster":        "%UPSTREAM_CLUSTER_RAW%",
	"endpoint":       "%UPSTREAM_HOST%",
	"bytes_received": "%BYTES_RECEIVED%",
	"bytes_sent":     "%BYTES_SENT%",
	"duration":       "%DURATION%",
	"client":         "%DOWNSTREAM_REMOTE_ADDRESS%",
}

// clusterNamespace is the metadata of a cluster that the access log names.
const (
	clusterNamespace = "kedify"
	scaledObjectKey  = "scaled_object" // "namespace/name"
)

func requestLog(log *ir.AccessLog) ([]*accesslogv3.AccessLog, error) {
	return accessLog(log, requestFields, func(code uint32) *accesslogv3.AccessLogFilter {
		// A request whose client went away before the answer has no status.
		return either(statusFrom(code), hasStatus(0, "kedify.unanswered"))
	})
}

func connectionLog(log *ir.AccessLog) ([]*accesslogv3.AccessLog, error) {
	return accessLog(log, connectionFields, func(uint32) *accesslogv3.AccessLogFilter { return hasFlag() }) // any
}

// accessLog writes to the standard output of the proxy, a line for each: where the user does not say how, an object with the
// fields. failed is the filter for what has a status of at least that.
func accessLog(
	log *ir.AccessLog, fields map[string]string, failed func(status uint32) *accesslogv3.AccessLogFilter,
) ([]*accesslogv3.AccessLog, error) {
	if log == nil {
		log = &ir.AccessLog{}
	}
	if log.Off {
		return nil, nil
	}
	if log.Fields != nil {
		fields = log.Fields
	}
	format := jsonFormat(fields)
	if log.Text != "" {
		format = textFormat(log.Text)
	}
	config, err := typedConfig(&streamv3.StdoutAccessLog{AccessLogFormat: &streamv3.StdoutAccessLog_LogFormat{LogFormat: format}})
	if err != nil {
		return nil, err
	}
	return []*accesslogv3.AccessLog{{
		Name:       "envoy.access_loggers.stdout",
		Filter:     logFilter(log.Filter, failed),
		ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: config},
	}}, nil
}

// requestLogs are what is written of requests, and what is counted.
func requestLogs(log *ir.AccessLog) ([]*accesslogv3.AccessLog, error) {
	written, err := requestLog(log)
	if err != nil {
		return nil, err
	}
	tokens, err := statsLog(usage.Tokens, usage.Answers())
	if err != nil {
		return nil, err
	}
	first, err := statsLog(usage.Streamed, usage.FirstTokens(requestFields["ttft_ms"]))
	return append(written, tokens, first), err
}

// statsLog counts requests of which an answer was read. Every chain has it, so that a trigger which begins to ask changes no listener.
func statsLog(noted string, config *statsv3.Config) (*accesslogv3.AccessLog, error) {
	packed, err := typedConfig(config)
	return &accesslogv3.AccessLog{
		Name: "envoy.access_loggers.stats", Filter: usage.Noted(noted),
		ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: packed},
	}, err
}

func jsonFormat(fields map[string]string) *corev3.SubstitutionFormatString {
	format := &structpb.Struct{Fields: make(map[string]*structpb.Value, len(fields))}
	for name, value := range fields {
		format.Fields[name] = structpb.NewStringValue(value)
	}
	return &corev3.SubstitutionFormatString{Format: &corev3.SubstitutionFormatString_JsonFormat{JsonFormat: format}}
}

// textFormat ends a line where the user did not.
func textFormat(text string) *corev3.SubstitutionFormatString {
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return &corev3.SubstitutionFormatString{Format: &corev3.SubstitutionFormatString_TextFormatSource{TextFormatSource: inline(text)}}
}

// logFilter lets pass what one of the reasons holds for; nil: everything.
func logFilter(f *ir.LogFilter, failed func(status uint32) *accesslogv3.AccessLogFilter) *accesslogv3.AccessLogFilter {
	if f == nil {
		return nil
	}
	var reasons []*accesslogv3.AccessLogFilter
	if f.MinStatus != nil {
		reasons = append(reasons, failed(*f.MinStatus))
	}
	if f.MinDuration != nil {
		reasons = append(reasons, &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_DurationFilter{
			DurationFilter: &accesslogv3.DurationFilter{Comparison: atLeast(uint32(f.MinDuration.Milliseconds()), "kedify.log_duration")},
		}})
	}
	if f.SamplingRate != nil {
		reasons = append(reasons, &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_RuntimeFilter{
			RuntimeFilter: &accesslogv3.RuntimeFilter{
				RuntimeKey: "kedify.log_sampling", PercentSampled: &typev3.FractionalPercent{Numerator: *f.SamplingRate},
				// Not by the request ID, which clients may choose: they would choose what is logged.
				UseIndependentRandomness: true,
			},
		}})
	}
	return either(reasons...)
}

func statusFrom(code uint32) *accesslogv3.AccessLogFilter {
	return &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_StatusCodeFilter{
		StatusCodeFilter: &accesslogv3.StatusCodeFilter{Comparison: atLeast(code, "kedify.log_status")},
	}}
}

func atLeast(value uint32, runtimeKey string) *accesslogv3.ComparisonFilter {
	return &accesslogv3.ComparisonFilter{
		Op: accesslogv3.ComparisonFilter_GE, Value: &corev3.RuntimeUInt32{DefaultValue: value, RuntimeKey: runtimeKey},
	}
}

// either holds where one of the filters does.
func either(filters ...*accesslogv3.AccessLogFilter) *accesslogv3.AccessLogFilter {
	if len(filters) == 1 {
		return filters[0]
	}
	return &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_OrFilter{
		OrFilter: &accesslogv3.OrFilter{Filters: filters},
	}}
}
