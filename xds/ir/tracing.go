package ir

// Million is the number that shares of requests are parts of.
const Million = 1_000_000

// Tracing is what the user says about spans of the requests of a gateway.
type Tracing struct {
	// Collector gets the spans, by OTLP over gRPC: a cluster of route protocol RouteTraces. Headers go with each of its calls.
	Collector ClusterKey
	Headers   []Header
	// ServiceName is the resource attribute service.name.
	ServiceName string
	// SpanName and UpstreamSpanName are names of spans (xds/ir/logformat); empty: the product's.
	SpanName, UpstreamSpanName string
	// Sampling is the share of the requests that are traced, in millionths, whatever clients say about their own trace.
	Sampling uint32
	// Parent is, where it is set, the share of those requests which their client traces and says so, in millionths. Then it is the
	// client that decides about requests with a traceparent: without its sampled flag none is traced. Sampling is for all others.
	Parent *uint32
	// Tags of all spans, each name once, sorted by name.
	Tags []Tag
}

// Tag is an attribute of spans. One of Literal, Header and Format is set.
type Tag struct {
	Name    string
	Literal string
	// Header is the name of a header of the request. Default is the value where there is none; empty: no attribute.
	Header, Default string
	// Format is a text with command operators (xds/ir/logformat). Integer: its values are numbers.
	Format  string
	Integer bool
}
