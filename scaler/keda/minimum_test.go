package keda

import (
	"testing"

	"github.com/onsi/gomega"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand"
)

// TestS8MinimumInSpiteOfAPause: with paused-scale-out KEDA starts nothing for an active trigger, and makes the minimum of one
// that is not active. So a trigger at zero is not active then, even while requests wait: the answer to a poll, the value under
// a formula, and what is pushed. Where no minimum would come of that, and where the workload runs, it is active as always.
func TestS8MinimumInSpiteOfAPause(t *testing.T) {
	type scale = v1alpha1.HTTPScalerScale
	for name, c := range map[string]struct {
		scale    scale
		replicas int32 // -1: not known
		active   bool
	}{
		"at zero":                     {scale{ScaleOutPaused: true, Min: 1}, 0, false},
		"at zero, a larger minimum":   {scale{ScaleOutPaused: true, Min: 3}, 0, false},
		"it runs":                     {scale{ScaleOutPaused: true, Min: 1}, 1, true},
		"replicas unknown":            {scale{ScaleOutPaused: true, Min: 1}, -1, true},
		"no pause":                    {scale{Min: 1}, 0, true},
		"no minimum":                  {scale{ScaleOutPaused: true, StaysAtZero: true}, 0, true},
		"idle replicas":               {scale{ScaleOutPaused: true, StaysAtZero: true, Min: 1, Idle: new(int32)}, 0, true},
		"paused-replicas of a number": {scale{ScaleInPaused: true, ScaleOutPaused: true}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			key := apply(t, w.catalog, named{"", metadata(nil)})[0]
			inForce := *w.catalog.Get(key)
			c.scale.Formula = true
			inForce.Spec.Scale = c.scale
			w.catalog.Set(key, &inForce)
			if c.replicas >= 0 {
				w.scale(key, c.replicas)
			}
			w.registry.set(key, demand.Reading{Active: true, Settled: true, Held: 1, Value: 7})
			polled, err := w.client.IsActive(t.Context(), refTo(metadata(nil)))
			if err != nil || polled.GetResult() != c.active {
				t.Errorf("a poll: %v, %v, want %v", polled.GetResult(), err, c.active)
			}
			got, err := w.client.GetMetrics(t.Context(), &pb.GetMetricsRequest{ScaledObjectRef: refTo(metadata(nil)), MetricName: MetricRate})
			if want := map[bool]float64{true: 7}[c.active]; err != nil || got.GetMetricValues()[0].GetMetricValueFloat() != want {
				t.Errorf("a formula: %v, %v, want %v", got, err, want)
			}
			stream := open(t, w.client.StreamIsActive, refTo(metadata(nil)))
			wantActive(t, stream, c.active)
			if c.active {
				return
			}
			w.scale(key, 1) // KEDA made the minimum
			w.registry.set(key, demand.Reading{Active: true, Settled: true, Held: 1})
			gomega.NewWithT(t).Eventually(func() bool { return stream.next().GetResult() }).WithTimeout(patience).Should(gomega.BeTrue())
		})
	}
}
