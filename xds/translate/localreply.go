package translate

import (
	"net/http"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
)

// retryAfter is when a client may come back to a backend without an endpoint that takes
// connections, in seconds; as after a hold (scaler/hold.DefaultRetryAfter).
const retryAfter = "5"

// localReplies has the proxy say when to come back, where it answers 503 itself because the
// backend has no endpoint (UH) or none that takes a connection (UF, URX). Answers of applications
// stay as they are.
func localReplies() *hcmv3.LocalReplyConfig {
	status := &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_StatusCodeFilter{
		StatusCodeFilter: &accesslogv3.StatusCodeFilter{Comparison: &accesslogv3.ComparisonFilter{
			Op:    accesslogv3.ComparisonFilter_EQ,
			Value: &corev3.RuntimeUInt32{DefaultValue: http.StatusServiceUnavailable, RuntimeKey: "kedify.unavailable"},
		}},
	}}
	flags := &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_ResponseFlagFilter{
		ResponseFlagFilter: &accesslogv3.ResponseFlagFilter{Flags: []string{"UH", "UF", "URX"}},
	}}
	return &hcmv3.LocalReplyConfig{Mappers: []*hcmv3.ResponseMapper{{
		Filter: &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_AndFilter{
			AndFilter: &accesslogv3.AndFilter{Filters: []*accesslogv3.AccessLogFilter{status, flags}},
		}},
		HeadersToAdd: []*corev3.HeaderValueOption{{
			Header:       &corev3.HeaderValue{Key: "retry-after", Value: retryAfter},
			AppendAction: corev3.HeaderValueOption_ADD_IF_ABSENT,
		}},
	}}}
}
