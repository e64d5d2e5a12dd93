package spans

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/kedify/inference-gateway/internal/telemetry"
	"github.com/kedify/inference-gateway/scaler/hold"
)

// Options of a Recorder. Endpoint, Namespace, Replica and Metrics are required.
type Options struct {
	// Endpoint is the collector: http://host:port, or https://host:port for TLS.
	Endpoint string
	// Namespace of the installation and name of this replica.
	Namespace, Replica string
	Metrics            *Metrics
	Log                logr.Logger
}

// closeTimeout bounds the time in which an ending replica exports its last spans.
const closeTimeout = 2 * time.Second

// Recorder makes spans.
type Recorder struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	export   *export
}

// New returns a recorder that exports to a collector, which need not be there. Environment variables of OpenTelemetry say how: headers,
// authorities, compression, times of batches, more attributes of the resource. An error is about the latter.
func New(ctx context.Context, options Options) (*Recorder, error) {
	about, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(
			semconv.ServiceName("kedify-gateway"), semconv.ServiceVersion(telemetry.Build().Version),
			semconv.ServiceInstanceID(options.Replica), semconv.K8SNamespaceName(options.Namespace), semconv.K8SPodName(options.Replica),
		),
		resource.WithFromEnv(),
	)
	if err != nil {
		return nil, fmt.Errorf("resource of spans: %w", err)
	}
	otlp, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(options.Endpoint))
	if err != nil {
		return nil, fmt.Errorf("exporter of spans to %s: %w", options.Endpoint, err)
	}
	r := &Recorder{export: &export{SpanExporter: otlp, metrics: options.Metrics, log: options.Log.WithValues("endpoint", options.Endpoint)}}
	r.provider = sdktrace.NewTracerProvider(
		sdktrace.WithResource(about),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.NeverSample())), // the proxy decides
		sdktrace.WithBatcher(r.export, sdktrace.WithMaxQueueSize(maxWaiting)),
	)
	r.tracer = r.provider.Tracer("github.com/kedify/inference-gateway/scaler/hold")
	return r, nil
}

// Waited makes the span of a request, if its proxy samples it. It never waits.
func (r *Recorder) Waited(ctx context.Context, w hold.Wait) {
	parent := parentOf(ctx)
	if !parent.IsSampled() || !r.export.admit() {
		return
	}
	below := trace.ContextWithRemoteSpanContext(context.Background(), parent)
	_, span := r.tracer.Start(below, "hold", trace.WithTimestamp(w.Since), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attributesOf(&w)...))
	if w.Failed {
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(w.Until))
}

// attributesOf are the attributes of a span; the table of docs/telemetry.md has them. What is not known is left out.
func attributesOf(w *hold.Wait) []attribute.KeyValue {
	all := []attribute.KeyValue{
		attribute.String("kedify.gateway", w.Gateway.String()),
		attribute.String("kedify.hold.answer", w.Answer),
		attribute.Float64("kedify.hold.seconds", w.Until.Sub(w.Since).Seconds()),
	}
	if w.Scaler != nil {
		scaledObject, trigger := w.Scaler.Labels()
		all = append(all, attribute.String("kedify.scaled_object", w.Scaler.Key.Namespace+"/"+scaledObject),
			attribute.String("kedify.trigger", trigger))
	}
	if w.Position > 0 {
		all = append(all, attribute.Int("kedify.hold.position", w.Position))
	}
	if w.Endpoints > 0 {
		all = append(all, attribute.Int("kedify.hold.endpoints", w.Endpoints))
	}
	if w.Failed {
		all = append(all, semconv.ErrorTypeKey.String(w.Answer))
	}
	return all
}

// Close exports what waits for the collector, for two seconds at most. Nothing is recorded from then on. A nil recorder has
// nothing to export.
func (r *Recorder) Close() {
	if r == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := r.provider.Shutdown(ctx); err != nil {
		_ = r.export.Shutdown(ctx) // ends the call to a collector that does not answer
	}
}
