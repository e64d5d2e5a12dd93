package keda

import (
	"context"
	"errors"
	"path"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// Reasons why something was not known, for the counter.
const (
	unknownTrigger = "trigger" // no trigger in force is meant
	unknownMetric  = "metric"  // the trigger has another metric
	unknownDemand  = "demand"  // the registry is blind
	unknownBypass  = "bypass"  // requests may reach the application past the proxies
	unknownReady   = "ready"   // the metric is that of one replica, and the ready replicas are not known
	unknownDirect  = "direct"  // wired Services lead past the proxies, or did shortly before
)

// Metrics of what KEDA asks and is told.
type Metrics struct {
	calls           *prometheus.CounterVec
	seconds         *prometheus.HistogramVec
	streams         *prometheus.GaugeVec
	pushes, unknown *prometheus.CounterVec
}

// NewMetrics returns metrics that are not registered yet.
func NewMetrics() *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "kedify_gateway", Subsystem: "keda", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		calls: counter("calls_total", "Calls of KEDA that ended, by method and gRPC code.", "method", "code"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "kedify_gateway", Subsystem: "keda", Name: "call_seconds",
			Help:    "Time to an answer, by method; streams are not in it.",
			Buckets: prometheus.ExponentialBuckets(0.00005, 2, 14)}, []string{"method"}),
		streams: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "kedify_gateway", Subsystem: "keda", Name: "streams_open",
			Help: "Streams of KEDA that are open, by method."}, []string{"method"}),
		pushes: counter("pushes_total", "Messages pushed, by kind: wake, repeat and refresh are true, idle and heartbeat are false, "+
			"spec is a metric and its target.", "kind"),
		unknown: counter("unknown_answers_total", "Answers that the demand is unknown, by reason: no such trigger, another metric, "+
			"no report of a proxy (demand), unknown ready replicas (ready), requests that may bypass the proxies (bypass), or wired Services "+
			"that lead past them (direct).",
			"reason"),
	}
	for _, reason := range []string{unknownTrigger, unknownMetric, unknownDemand, unknownReady, unknownBypass, unknownDirect} {
		m.unknown.WithLabelValues(reason) // the first of each is an increase as well
	}
	for _, kind := range []string{pushWake, pushRepeat, pushRefresh, pushIdle, pushHeartbeat, pushSpec} {
		m.pushes.WithLabelValues(kind)
	}
	return m
}

// Register registers the metrics.
func (m *Metrics) Register(registerer prometheus.Registerer) error {
	var errs []error
	for _, c := range []prometheus.Collector{m.calls, m.seconds, m.streams, m.pushes, m.unknown} {
		errs = append(errs, registerer.Register(c))
	}
	return errors.Join(errs...)
}

// unary is a grpc.UnaryServerInterceptor.
func (m *Metrics) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	begin, method := time.Now(), path.Base(info.FullMethod)
	response, err := handler(ctx, request)
	m.seconds.WithLabelValues(method).Observe(time.Since(begin).Seconds())
	m.calls.WithLabelValues(method, status.Code(err).String()).Inc()
	return response, err
}

// stream is a grpc.StreamServerInterceptor.
func (m *Metrics) stream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	method := path.Base(info.FullMethod)
	open := m.streams.WithLabelValues(method)
	open.Inc()
	defer open.Dec()
	err := handler(server, stream)
	m.calls.WithLabelValues(method, status.Code(err).String()).Inc()
	return err
}
