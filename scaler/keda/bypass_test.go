package keda

import (
	"testing"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc/codes"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
)

// TestBypass: while objects lead to the application past the proxies and no request came through a
// proxy, the answer to KEDA is an error: a "no", or a zero, would stop an application that is busy.
func TestBypass(t *testing.T) {
	const problem = "trigger shop/web-0: the demand is unknown: Ingress shop/web may lead to the application past the proxies, " +
		`and no request came through a proxy yet; send the requests through the proxies, or set trafficAutowire to "false"`
	quiet, requested := demand.Reading{Settled: true}, demand.Reading{Settled: true, Requested: true}
	for name, c := range map[string]struct {
		traffic v1alpha1.HTTPScalerTraffic
		reading demand.Reading
		problem string
	}{
		"nothing foreign":                {v1alpha1.HTTPScalerTraffic{}, quiet, ""},
		"bypassed":                       {v1alpha1.HTTPScalerTraffic{Bypass: []string{"Ingress shop/web"}}, quiet, problem},
		"bypassed, a request came":       {v1alpha1.HTTPScalerTraffic{Bypass: []string{"Ingress shop/web"}}, requested, ""},
		"bypassed, seen long ago":        {v1alpha1.HTTPScalerTraffic{Bypass: []string{"Ingress shop/web"}, Seen: true}, quiet, ""},
		"no bypass any more, no request": {v1alpha1.HTTPScalerTraffic{Seen: true}, quiet, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			key := apply(t, w.catalog, named{"", metadata(nil)})[0]
			bypass(w, key.Name, c.traffic)
			w.registry.set(key, c.reading)
			metrics, metricsErr := w.client.GetMetrics(t.Context(),
				&pb.GetMetricsRequest{ScaledObjectRef: refTo(metadata(nil)), MetricName: MetricRate})
			active, activeErr := w.client.IsActive(t.Context(), refTo(metadata(nil)))
			known := w.server.state(w.catalog.Get(key)).known
			if c.problem != "" {
				wantCode(t, metricsErr, codes.Unavailable, c.problem)
				wantCode(t, activeErr, codes.Unavailable, c.problem)
				if known {
					t.Error("the stream pushes what is unknown")
				}
				return
			}
			if metricsErr != nil || activeErr != nil {
				t.Fatalf("metrics: %v, active: %v", metricsErr, activeErr)
			}
			if value := metrics.GetMetricValues()[0].GetMetricValueFloat(); value != 0 || active.GetResult() || !known {
				t.Errorf("value %v, active %v, known to the stream %v", value, active.GetResult(), known)
			}
		})
	}
}

// TestFirstRequestPastBypass: the first request that is held wakes the workload, although the
// leader has not written yet that it came.
func TestFirstRequestPastBypass(t *testing.T) {
	w := newWorld(t)
	key := apply(t, w.catalog, named{"", metadata(nil)})[0]
	bypass(w, key.Name, v1alpha1.HTTPScalerTraffic{Bypass: []string{"Ingress shop/web"}})
	w.registry.set(key, demand.Reading{Settled: true})
	pushes := open(t, w.client.StreamIsActive, refTo(metadata(nil)))
	w.registry.set(key, demand.Reading{Settled: true, Active: true, Held: 1, Requested: true})
	if push := pushes.next(); !push.GetResult() {
		t.Error("the first push is false")
	}
}

// bypass changes the traffic of the trigger of ScaledObject shop/web.
func bypass(w *world, name string, traffic v1alpha1.HTTPScalerTraffic) {
	key := ownerOf(refTo(nil))
	key.Name = name
	changed := *w.catalog.Get(key)
	changed.Spec.Traffic = traffic
	w.catalog.Set(key, &scaler.Scaler{Key: key, Spec: changed.Spec})
}
