package translate

import (
	"cmp"
	"fmt"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tracev3 "github.com/envoyproxy/go-control-plane/envoy/config/trace/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	uuidv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/request_id/uuid/v3"
	samplersv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/tracers/opentelemetry/samplers/v3"
	tagv3 "github.com/envoyproxy/go-control-plane/envoy/type/tracing/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
	"github.com/kedify/inference-gateway/xds/ir/logformat"
)

const (
	// exportTimeout ends a call to a collector that does not answer. The spans of the call are lost.
	exportTimeout = 10 * time.Second
	// maxExports is how many calls wait for a collector, with a batch of spans each (xds/bootstrap). What is beyond them is lost:
	// a collector that is slow costs the proxy a few megabytes, and requests nothing.
	maxExports = 16
	// maxTagPath is how much of a path is in the attribute http.url.
	maxTagPath = 256

	traceParent = "traceparent"
	// lotHeader is a random number of a request, which no client knows or chooses.
	lotHeader = check.KeyHeaders + "lot"
	// parentLength is the length of a traceparent without the last digit, which is its sampled flag (W3C Trace Context, 3.2).
	parentLength = 54

	spanName         = "%REQ(:METHOD)% %ROUTE_NAME%"
	upstreamSpanName = "%REQ(:METHOD)% %UPSTREAM_CLUSTER_RAW%"
)

// spanTags are attributes of every span: those of OpenTelemetry's conventions for HTTP that Envoy knows, and what the access log says of a
// request. Those without a value are left out.
var spanTags = []ir.Tag{
	attribute("client.address"),
	attribute("http.request.method"),
	attribute("http.response.status_code"),
	attribute("http.route"),
	{Name: "kedify.cold_start", Format: requestFields["cold_start"]},
	{Name: "kedify.details", Format: requestFields["details"]},
	{Name: "kedify.held_ms", Format: requestFields["held_ms"], Integer: true},
	{Name: "kedify.reason", Format: requestFields["reason"]},
	{Name: "kedify.scaled_object", Format: requestFields["scaled_object"]},
	{Name: "kedify.ttft_ms", Format: requestFields["ttft_ms"], Integer: true},
	attribute("network.peer.address"),
	attribute("server.address"),
	attribute("url.path"),
	attribute("url.scheme"),
	attribute("user_agent.original"),
}

// attribute is one of OpenTelemetry's conventions, in the form that users get it by its key.
func attribute(key string) ir.Tag {
	known, _ := logformat.AttributeOf(key)
	return ir.Tag{Name: key, Format: known.Format, Integer: known.Integer}
}

// trace has the requests of a chain traced.
//
// Whether one is traced is decided by what no client chooses. Envoy's own decision is not used: it is taken from x-request-id,
// which clients send, and overruled by the traceparent of a client. The sampler follows the parent of a span, and the parent of
// the first one is what parentDecision has made of the traceparent. Without one, the trace has a random number of the proxy.
func trace(manager *hcmv3.HttpConnectionManager, tracing *ir.Tracing) error {
	if tracing == nil {
		return nil
	}
	tracer, err := tracer(tracing)
	if err != nil {
		return err
	}
	requestID, err := typedConfig(&uuidv3.UuidRequestIdConfig{
		PackTraceReason: wrapperspb.Bool(false), UseRequestIdForTraceSampling: wrapperspb.Bool(false),
	})
	if err != nil {
		return err
	}
	manager.RequestIdExtension = &hcmv3.RequestIDExtension{TypedConfig: requestID}
	manager.Tracing = &hcmv3.HttpConnectionManager_Tracing{
		Provider:          tracer,
		MaxPathTagLength:  uint32Value(maxTagPath),
		SpawnUpstreamSpan: boolTrue(), // the proxy is a hop of its own: a server for clients, a client of backends
		Operation:         cmp.Or(tracing.SpanName, spanName),
		UpstreamOperation: cmp.Or(tracing.UpstreamSpanName, upstreamSpanName),
		CustomTags:        customTags(tracing.Tags),
	}
	return nil
}

// tracer sends spans to the collector.
func tracer(tracing *ir.Tracing) (*tracev3.Tracing_Http, error) {
	ratio, err := extension("envoy.tracers.opentelemetry.samplers.trace_id_ratio_based", &samplersv3.TraceIdRatioBasedSamplerConfig{
		SamplingPercentage: &typev3.FractionalPercent{Numerator: tracing.Sampling, Denominator: typev3.FractionalPercent_MILLION},
	})
	if err != nil {
		return nil, err
	}
	sampler, err := extension("envoy.tracers.opentelemetry.samplers.parent_based", &samplersv3.ParentBasedSamplerConfig{WrappedSampler: ratio})
	if err != nil {
		return nil, err
	}
	service := grpcService(ClusterName(tracing.Collector))
	service.Timeout = durationpb.New(exportTimeout)
	service.GetEnvoyGrpc().Authority = serviceAuthority(tracing.Collector)
	service.GetEnvoyGrpc().SkipEnvoyHeaders = true
	for _, header := range tracing.Headers {
		service.InitialMetadata = append(service.InitialMetadata, &corev3.HeaderValue{Key: header.Name, Value: header.Value})
	}
	config, err := typedConfig(&tracev3.OpenTelemetryConfig{GrpcService: service, ServiceName: tracing.ServiceName, Sampler: sampler})
	if err != nil {
		return nil, err
	}
	return &tracev3.Tracing_Http{
		Name: "envoy.tracers.opentelemetry", ConfigType: &tracev3.Tracing_Http_TypedConfig{TypedConfig: config},
	}, nil
}

// parentDecision writes into the traceparent of a client whether the request is traced. That of the client is its last digit, behind 54
// others; every other digit stays.
func parentDecision(tracing *ir.Tracing) []*mutationv3.HeaderMutation {
	if tracing == nil {
		return nil
	}
	share, theirs := tracing.Sampling, ""
	if tracing.Parent != nil {
		if share = *tracing.Parent; share == ir.Million {
			return nil // as the client says
		}
		theirs = " && request.headers['" + traceParent + "'].matches('[13579bdf]$')"
	}
	keep := fmt.Sprintf("%%REQ(%s):%d%%", traceParent, parentLength)
	switch share {
	case 0:
		return []*mutationv3.HeaderMutation{overwriteHeader(traceParent, keep+"0")}
	case ir.Million:
		return []*mutationv3.HeaderMutation{overwriteHeader(traceParent, keep+"1")}
	}
	drawn := fmt.Sprintf("%%CEL(request.headers['%s'] < '%08x'%s ? '1' : '0')%%", lotHeader, uint64(share)<<32/ir.Million, theirs)
	return []*mutationv3.HeaderMutation{
		addHeader(lotHeader, "%UNIQUE_ID%"), overwriteHeader(traceParent, keep+drawn), removeHeader(lotHeader),
	}
}

// overwriteHeader changes a header of requests that have it.
func overwriteHeader(name, value string) *mutationv3.HeaderMutation {
	return &mutationv3.HeaderMutation{Action: &mutationv3.HeaderMutation_Append{Append: &corev3.HeaderValueOption{
		Header: &corev3.HeaderValue{Key: name, Value: value}, AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS,
	}}}
}

// customTags are those of the product and those of the user, which replace them by name.
func customTags(own []ir.Tag) []*tagv3.CustomTag {
	named := make(map[string]bool, len(own))
	for _, tag := range own {
		named[tag.Name] = true
	}
	var tags []*tagv3.CustomTag
	for _, tag := range spanTags {
		if !named[tag.Name] {
			tags = append(tags, customTag(tag))
		}
	}
	for _, tag := range own {
		tags = append(tags, customTag(tag))
	}
	return tags
}

func customTag(tag ir.Tag) *tagv3.CustomTag {
	out := &tagv3.CustomTag{Tag: tag.Name}
	switch {
	case tag.Header != "":
		out.Type = &tagv3.CustomTag_RequestHeader{RequestHeader: &tagv3.CustomTag_Header{Name: tag.Header, DefaultValue: tag.Default}}
	case tag.Format != "":
		out.Type = &tagv3.CustomTag_Value{Value: tag.Format}
	default:
		out.Type = &tagv3.CustomTag_Literal_{Literal: &tagv3.CustomTag_Literal{Value: tag.Literal}}
	}
	if tag.Integer {
		out.ValueType = tagv3.CustomTag_INT
	}
	return out
}

// exportBreakers bounds what waits for a collector.
func exportBreakers() *clusterv3.CircuitBreakers {
	return &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
		MaxConnections:     uint32Value(unlimited),
		MaxPendingRequests: uint32Value(maxExports),
		MaxRequests:        uint32Value(maxExports),
		MaxRetries:         uint32Value(maxExports),
	}}}
}
