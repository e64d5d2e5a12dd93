package proxytest

import (
	"context"
	"encoding/hex"
	"net"
	"strconv"
	"sync"
	"testing"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// Collector gets spans by OTLP over gRPC, in clear text.
type Collector struct {
	Address string

	mu    sync.Mutex
	spans []Span
	calls []metadata.MD
	// answer is called for each export, without the lock.
	answer func(context.Context) error
}

// Span is one span in words that compare. IDs are hexadecimal.
type Span struct {
	Trace, ID, Parent, Name string
	Kind                    tracev1.Span_SpanKind
	// State is the tracestate.
	State  string
	Status tracev1.Status_StatusCode
	// Attributes of the span and of its resource, as text: 200 is "200", true is "true".
	Attributes, Resource map[string]string
	// Typed are the attributes as they came.
	Typed map[string]*commonv1.AnyValue
	// Start and End in nanoseconds of the epoch.
	Start, End uint64
}

// StartCollector starts a collector that takes everything.
func StartCollector(t testing.TB) *Collector {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Collector{Address: listener.Addr().String(), answer: func(context.Context) error { return nil }}
	server := grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(server, &collectorService{collector: c})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return c
}

// Answer has the collector answer in another way from now on. It keeps the spans of calls that get no error.
func (c *Collector) Answer(answer func(context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

// Spans returns the spans so far.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

// Calls returns the metadata of each export so far.
func (c *Collector) Calls() []metadata.MD {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]metadata.MD(nil), c.calls...)
}

type collectorService struct {
	collectorv1.UnimplementedTraceServiceServer
	collector *Collector
}

// Export is the one call of the protocol.
func (s *collectorService) Export(
	ctx context.Context, in *collectorv1.ExportTraceServiceRequest,
) (*collectorv1.ExportTraceServiceResponse, error) {
	c := s.collector
	md, _ := metadata.FromIncomingContext(ctx)
	c.mu.Lock()
	c.calls = append(c.calls, md)
	answer := c.answer
	c.mu.Unlock()
	if err := answer(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range in.GetResourceSpans() {
		about, _ := texts(resource.GetResource().GetAttributes())
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				c.spans = append(c.spans, spanOf(span, about))
			}
		}
	}
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

func spanOf(span *tracev1.Span, resource map[string]string) Span {
	attributes, typed := texts(span.GetAttributes())
	return Span{
		Trace: hex.EncodeToString(span.GetTraceId()), ID: hex.EncodeToString(span.GetSpanId()),
		Parent: hex.EncodeToString(span.GetParentSpanId()), State: span.GetTraceState(),
		Name: span.GetName(), Kind: span.GetKind(), Status: span.GetStatus().GetCode(),
		Attributes: attributes, Resource: resource, Typed: typed,
		Start: span.GetStartTimeUnixNano(), End: span.GetEndTimeUnixNano(),
	}
}

// texts returns attributes by their keys.
func texts(list []*commonv1.KeyValue) (map[string]string, map[string]*commonv1.AnyValue) {
	out, typed := map[string]string{}, map[string]*commonv1.AnyValue{}
	for _, attribute := range list {
		typed[attribute.GetKey()] = attribute.GetValue()
		switch value := attribute.GetValue().GetValue().(type) {
		case *commonv1.AnyValue_StringValue:
			out[attribute.GetKey()] = value.StringValue
		case *commonv1.AnyValue_IntValue:
			out[attribute.GetKey()] = strconv.FormatInt(value.IntValue, 10)
		case *commonv1.AnyValue_BoolValue:
			out[attribute.GetKey()] = strconv.FormatBool(value.BoolValue)
		default:
			out[attribute.GetKey()] = attribute.GetValue().String()
		}
	}
	return out, typed
}
