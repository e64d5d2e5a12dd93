package spans

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"
)

// Bounds of what a proxy may say of the trace of a request, in bytes. A traceparent of version 00 has 55; vendors keep to 512 of a
// tracestate (W3C Trace Context, 3.3.1.5). What is longer is not read.
const (
	maxParent = 128
	maxState  = 512
)

// parentOf returns the span that a call is part of, as the metadata of the call has it. It is invalid when there is none, or when the
// proxy names several.
func parentOf(ctx context.Context) trace.SpanContext {
	carrier := propagation.MapCarrier{}
	if parent := one(ctx, "traceparent", maxParent); parent != "" {
		carrier["traceparent"], carrier["tracestate"] = parent, one(ctx, "tracestate", maxState)
	}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
}

// one returns the value of a key that has one, of so many bytes at most.
func one(ctx context.Context, key string, most int) string {
	values := metadata.ValueFromIncomingContext(ctx, key)
	if len(values) != 1 || len(values[0]) > most {
		return ""
	}
	return values[0]
}
