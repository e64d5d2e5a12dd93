package webhook

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/kedify/inference-gateway/scaler/trigger"
)

// Results of reviews, values of the metric label "result".
const (
	resultAllowed   = "allowed"
	resultRewritten = "rewritten"
	resultDenied    = "denied" // the object has a mistake
	resultError     = "error"  // the request could not be judged
)

// otherKind is the metric label "kind" of objects that the webhooks do not register for: any client that reaches the port may send them.
const otherKind = "other"

// Metrics counts decisions.
type Metrics struct {
	reviews *prometheus.CounterVec
}

// NewMetrics returns metrics that are not registered yet.
func NewMetrics() *Metrics {
	m := &Metrics{reviews: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "kedify_gateway", Subsystem: "admission", Name: "reviews_total",
		Help: "Decisions about objects, by webhook (mutate, validate), kind and result (allowed, rewritten, denied, error). On API " +
			"servers with the chart's MutatingAdmissionPolicy nothing is asked of mutate.",
	}, []string{"webhook", "kind", "result"})}
	for webhook, results := range map[string][]string{
		"mutate": {resultAllowed, resultRewritten, resultError}, "validate": {resultAllowed, resultDenied, resultError},
	} {
		for _, result := range results {
			m.reviews.WithLabelValues(webhook, trigger.ScaledObject, result) // the first of each is an increase as well
		}
	}
	return m
}

// Register registers the metrics.
func (m *Metrics) Register(registerer prometheus.Registerer) error {
	return registerer.Register(m.reviews)
}

// counted is a handler whose decisions are counted.
type counted struct {
	admission.Handler
	webhook string
	metrics *Metrics
}

// Handle implements admission.Handler.
func (c *counted) Handle(ctx context.Context, request admission.Request) admission.Response {
	response := c.Handler.Handle(ctx, request)
	kind := request.Kind.Kind
	if kind != trigger.ScaledObject && kind != trigger.ScaledJob {
		kind = otherKind
	}
	c.metrics.reviews.WithLabelValues(c.webhook, kind, resultOf(response)).Inc()
	return response
}

func resultOf(response admission.Response) string {
	switch {
	case response.Allowed && len(response.Patches) > 0:
		return resultRewritten
	case response.Allowed:
		return resultAllowed
	case response.Result != nil && response.Result.Code == http.StatusUnprocessableEntity:
		return resultDenied
	default:
		return resultError
	}
}
