package keda

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
)

// severalMetrics of one trigger.
func severalMetrics() map[string]string {
	return metadata(map[string]string{"scalingMetric": "", "targetValue": "", "scalingMetrics": "requestRate:10,concurrency:4"})
}

// TestSeveralMetrics: each metric of a trigger has a name, a target, a value and an error of its own; whether the workload is to run
// is said for all of them.
func TestSeveralMetrics(t *testing.T) {
	w := newWorld(t)
	key := apply(t, w.catalog, named{"", severalMetrics()})[0]
	spec, err := w.client.GetMetricSpec(t.Context(), refTo(severalMetrics()))
	if err != nil {
		t.Fatal(err)
	}
	want := []*pb.MetricSpec{{MetricName: MetricRate, TargetSizeFloat: 10}, {MetricName: MetricConcurrency, TargetSizeFloat: 4}}
	if diff := cmp.Diff(want, spec.GetMetricSpecs(), protocmp.Transform()); diff != "" {
		t.Errorf("specs (- want, + got):\n%s", diff)
	}
	lost := errors.New("no Pod says it")
	for name, c := range map[string]struct {
		reading           demand.Reading
		rate, concurrency float64 // -1: unknown
	}{
		"both": {demand.Reading{Value: 12, More: []demand.Value{{Metric: MetricConcurrency, Value: 3}}}, 12, 3},
		"one is unknown": {
			demand.Reading{Value: 12, Unknown: lost, More: []demand.Value{{Metric: MetricConcurrency, Value: 3}}}, -1, 3},
		"the other is": {
			demand.Reading{Value: 12, More: []demand.Value{{Metric: MetricConcurrency, Value: 9, Unknown: lost}}}, 12, -1},
		"not counted yet": {demand.Reading{Value: 12}, 12, -1},
	} {
		c.reading.Active = true
		w.registry.set(key, c.reading)
		for asked, want := range map[string]float64{MetricRate: c.rate, MetricConcurrency: c.concurrency} {
			got, err := w.client.GetMetrics(t.Context(),
				&pb.GetMetricsRequest{ScaledObjectRef: refTo(severalMetrics()), MetricName: asked})
			if want < 0 {
				wantCode(t, err, codes.Unavailable, "")
				continue
			}
			if err != nil || len(got.GetMetricValues()) != 1 || got.GetMetricValues()[0].GetMetricValueFloat() != want ||
				got.GetMetricValues()[0].GetMetricName() != asked {
				t.Errorf("%s, %s: %v, %v; want %v", name, asked, got, err, want)
			}
		}
		if active, err := w.client.IsActive(t.Context(), refTo(severalMetrics())); err != nil || !active.GetResult() {
			t.Errorf("%s: active %v, %v", name, active, err)
		}
	}
	_, err = w.client.GetMetrics(t.Context(), &pb.GetMetricsRequest{ScaledObjectRef: refTo(severalMetrics()), MetricName: "http-ttft"})
	wantCode(t, err, codes.Unavailable, `trigger shop/web-0 has the metric http-request-rate, http-concurrency and not "http-ttft"; `+
		`if scalingMetric was just changed this will pass`)
}

// TestLevels: a level is that of one replica. KEDA gets it times those that are ready, for the metric that is one and for no other.
func TestLevels(t *testing.T) {
	w := newWorld(t)
	key := apply(t, w.catalog, named{"", metadata(nil)})[0]
	inForce := *w.catalog.Get(key)
	inForce.Spec.Metric = v1alpha1.HTTPScalerMetric{Type: v1alpha1.KVCache, KVCache: &v1alpha1.KVCacheMetric{Target: "0.7"}}
	inForce.Spec.MoreMetrics = []v1alpha1.HTTPScalerMetric{
		{Type: v1alpha1.Concurrency, Target: 4, Concurrency: &v1alpha1.ConcurrencyMetric{}},
		{Type: v1alpha1.TTFT, TTFT: &v1alpha1.TTFTMetric{}},
	}
	w.catalog.Set(key, &inForce)
	names := map[v1alpha1.MetricType]string{}
	for _, of := range inForce.Spec.Metrics() {
		names[of.Type] = metric.KindOf(of.Type).Name
	}
	w.registry.set(key, demand.Reading{Value: 0.5, Active: true, More: []demand.Value{
		{Metric: names[v1alpha1.Concurrency], Value: 9}, {Metric: names[v1alpha1.TTFT], Value: 1.5},
	}})
	for _, c := range []struct {
		ready    int32 // -1: not known
		kv, ttft float64
	}{{-1, -1, -1}, {0, 0, 0}, {1, 0.5, 1.5}, {3, 1.5, 4.5}} {
		if c.ready >= 0 {
			w.mu.Lock()
			w.ready[key] = c.ready
			w.mu.Unlock()
		}
		for of, want := range map[v1alpha1.MetricType]float64{v1alpha1.KVCache: c.kv, v1alpha1.TTFT: c.ttft, v1alpha1.Concurrency: 9} {
			got, err := w.client.GetMetrics(t.Context(), &pb.GetMetricsRequest{ScaledObjectRef: refTo(metadata(nil)), MetricName: names[of]})
			if want < 0 {
				wantCode(t, err, codes.Unavailable, "trigger shop/web-0: "+names[of]+" is that of one replica, and how many of Deployment web "+
					"are ready is not known; if the target was just created this will pass")
				continue
			}
			if err != nil || got.GetMetricValues()[0].GetMetricValueFloat() != want {
				t.Errorf("%d ready, %s: %v, %v; want %v", c.ready, of, got, err, want)
			}
		}
	}
	if active, err := w.client.IsActive(t.Context(), refTo(metadata(nil))); err != nil || !active.GetResult() {
		t.Errorf("active %v, %v", active, err)
	}
}

// TestPeaks: KEDA gets the highest value of the last seconds where there is one, and never in place of what is unknown.
func TestPeaks(t *testing.T) {
	w := newWorld(t)
	key := apply(t, w.catalog, named{"", severalMetrics()})[0]
	peaks := []float64{20, 1}
	w.server.options.Peak = func(of types.NamespacedName, position int) (float64, bool) { return peaks[position], of == key }
	w.registry.set(key, demand.Reading{Value: 12, More: []demand.Value{{Metric: MetricConcurrency, Value: 3}}})
	for asked, want := range map[string]float64{MetricRate: 20, MetricConcurrency: 3} {
		got, err := w.client.GetMetrics(t.Context(), &pb.GetMetricsRequest{ScaledObjectRef: refTo(severalMetrics()), MetricName: asked})
		if err != nil || got.GetMetricValues()[0].GetMetricValueFloat() != want {
			t.Errorf("%s: %v, %v; want %v", asked, got, err, want)
		}
	}
	w.registry.set(key, demand.Reading{Value: 12, Unknown: errors.New("nothing is read")})
	_, err := w.client.GetMetrics(t.Context(), &pb.GetMetricsRequest{ScaledObjectRef: refTo(severalMetrics()), MetricName: MetricRate})
	wantCode(t, err, codes.Unavailable, "trigger shop/web-0: nothing is read")
}
