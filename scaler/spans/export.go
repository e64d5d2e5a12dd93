package spans

import (
	"context"
	"sync/atomic"

	"github.com/go-logr/logr"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// maxWaiting is how many spans wait for the collector, 2 MiB or so. The queue of the batch processor has room for them.
const maxWaiting = sdktrace.DefaultMaxQueueSize

// export hands spans to the exporter of the SDK, and keeps count of them. It implements sdktrace.SpanExporter; the batch processor
// makes its calls one after the other.
type export struct {
	sdktrace.SpanExporter
	metrics *Metrics
	log     logr.Logger
	waiting atomic.Int64
	failing bool
}

// admit reports whether one span more may wait for the collector, and counts it.
func (e *export) admit() bool {
	if e.waiting.Add(1) <= maxWaiting {
		return true
	}
	e.waiting.Add(-1)
	e.metrics.count(resultDropped, 1)
	return false
}

// ExportSpans exports a batch. That it fails is no error for the SDK, which would write it to standard error.
func (e *export) ExportSpans(ctx context.Context, batch []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, batch)
	e.waiting.Add(-int64(len(batch)))
	if err != nil {
		e.metrics.count(resultFailed, len(batch))
	} else {
		e.metrics.count(resultExported, len(batch))
	}
	if failed := err != nil; failed != e.failing {
		e.failing = failed
		e.say(err)
	}
	return nil
}

// say logs that exports begin to fail, or are well again.
func (e *export) say(err error) {
	if err != nil {
		e.log.Error(err, "Failed to export spans of held requests; they are lost until the collector takes them")
		return
	}
	e.log.Info("Exporting spans of held requests again")
}
