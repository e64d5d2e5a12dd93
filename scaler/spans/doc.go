// Package spans makes the span "hold" of requests that are held, and exports it. It is the one package that knows OpenTelemetry's SDK.
//
// Job: a span for each request that hold.Options.Waited reports, below the span that the proxy names in the metadata of its call,
// if that one is sampled. Inputs: reports, metadata of calls. Outputs: OTLP over gRPC to one collector; metrics.
//
// The collector is trusted with nothing: a span is made after its request was answered, what waits for the collector is bounded, and
// what is beyond the bound is dropped (docs/adr/0056-span-of-a-held-request.md).
//
// Ownership: a Recorder is safe for any goroutine. The goroutine of the SDK's batch processor exports.
package spans
