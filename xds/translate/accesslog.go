package translate

import (
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	streamv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/stream/v3"
	"google.golang.org/protobuf/types/known/structpb"
)

// requestFields are the fields of one JSON line per HTTP request: who asked, which rule and
// endpoint answered, what the picker said, and where the time went (milliseconds).
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
	"picked":         "%DYNAMIC_METADATA(" + pickNamespace + ":" + pickKey + ")%",
	"served":         "%DYNAMIC_METADATA(" + pickNamespace + ":" + servedKey + ")%",
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

func requestLog() ([]*accesslogv3.AccessLog, error)    { return jsonLog(requestFields) }
func connectionLog() ([]*accesslogv3.AccessLog, error) { return jsonLog(connectionFields) }

// jsonLog writes to the standard output of the proxy, one object per line.
func jsonLog(fields map[string]string) ([]*accesslogv3.AccessLog, error) {
	format := &structpb.Struct{Fields: make(map[string]*structpb.Value, len(fields))}
	for name, value := range fields {
		format.Fields[name] = structpb.NewStringValue(value)
	}
	config, err := typedConfig(&streamv3.StdoutAccessLog{AccessLogFormat: &streamv3.StdoutAccessLog_LogFormat{
		LogFormat: &corev3.SubstitutionFormatString{
			Format: &corev3.SubstitutionFormatString_JsonFormat{JsonFormat: format},
		},
	}})
	if err != nil {
		return nil, err
	}
	return []*accesslogv3.AccessLog{{
		Name:       "envoy.access_loggers.stdout",
		ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: config},
	}}, nil
}
