package keda

import (
	"strings"
	"testing"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"

	"github.com/kedify/inference-gateway/scaler/demand"
)

// The last poll about a trigger is remembered with its answer, an error too, for as long as the trigger is in force.
func TestAsked(t *testing.T) {
	w := newWorld(t)
	key := apply(t, w.catalog, named{"rate", metadata(nil)})[0]
	if asked := w.server.Asked(); len(asked) != 0 {
		t.Errorf("before the first poll: %+v", asked)
	}
	poll := func() string {
		t.Helper()
		_, _ = w.client.IsActive(t.Context(), refTo(metadata(nil))) // an error is an answer, too
		return w.only(t)
	}
	if got := poll(); !strings.HasPrefix(got, "unknown: ") {
		t.Errorf("without a reading: %q", got)
	}
	w.registry.set(key, demand.Reading{Settled: true})
	if got := poll(); got != "not active" {
		t.Errorf("without requests: %q", got)
	}
	w.registry.set(key, demand.Reading{Active: true, Value: 2.5})
	if got := poll(); got != "active" {
		t.Errorf("with requests: %q", got)
	}
	question := &pb.GetMetricsRequest{ScaledObjectRef: refTo(metadata(nil)), MetricName: MetricRate}
	if _, err := w.client.GetMetrics(t.Context(), question); err != nil {
		t.Fatal(err)
	}
	if got := w.only(t); got != "2.5" {
		t.Errorf("a metric: %q", got)
	}
	w.catalog.Set(key, nil)
	if asked := w.server.Asked(); len(asked) != 0 {
		t.Errorf("of a trigger that is gone: %+v", asked)
	}
}

// only returns the answer to the one trigger.
func (w *world) only(t *testing.T) string {
	t.Helper()
	asked := w.server.Asked()
	if len(asked) != 1 || asked[0].Key != "shop/web-rate" || asked[0].Ago == "" {
		t.Fatalf("%+v", asked)
	}
	return asked[0].Answer
}
