package rescue

import (
	"errors"
	"math"
	"testing"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
)

// TestNeeded: the metric that asks for most decides, each by its own arithmetic, within the limits of the object.
func TestNeeded(t *testing.T) {
	tokens := v1alpha1.HTTPScalerMetric{Type: v1alpha1.TokenRate, Target: 3500, TokenRate: &v1alpha1.TokenRateMetric{}}
	concurrency := v1alpha1.HTTPScalerMetric{Type: v1alpha1.Concurrency, Target: 10}
	cache := v1alpha1.HTTPScalerMetric{Type: v1alpha1.KVCache, KVCache: &v1alpha1.KVCacheMetric{Target: "0.1"}}
	of := func(kind v1alpha1.MetricType, value float64, unknown error) demand.Value {
		return demand.Value{Metric: metric.KindOf(kind).Name, Value: value, Unknown: unknown}
	}
	lost := errors.New("nothing is counted")
	for name, c := range map[string]struct {
		metrics []v1alpha1.HTTPScalerMetric
		reading demand.Reading
		want    int32
	}{
		"tokens that wait":   {[]v1alpha1.HTTPScalerMetric{tokens}, demand.Reading{Held: 40, Value: 10_501}, 4},
		"up to the maximum":  {[]v1alpha1.HTTPScalerMetric{tokens}, demand.Reading{Held: 40, Value: 1e300}, 20},
		"tokens are unknown": {[]v1alpha1.HTTPScalerMetric{tokens}, demand.Reading{Held: 40, Value: 9e9, Unknown: lost}, 1},
		"no number":          {[]v1alpha1.HTTPScalerMetric{tokens}, demand.Reading{Held: 40, Value: math.NaN()}, 1},
		"the other asks for more": {[]v1alpha1.HTTPScalerMetric{tokens, concurrency},
			demand.Reading{Held: 41, Value: 10, More: []demand.Value{of(v1alpha1.Concurrency, 41, nil)}}, 5},
		"the other is unknown": {[]v1alpha1.HTTPScalerMetric{concurrency, tokens},
			demand.Reading{Held: 11, Value: 11, More: []demand.Value{of(v1alpha1.TokenRate, 9e9, lost)}}, 2},
		"a level of none": {[]v1alpha1.HTTPScalerMetric{cache}, demand.Reading{Held: 40, Value: 1}, 1},
	} {
		spec := v1alpha1.HTTPScalerSpec{
			Metric: c.metrics[0], MoreMetrics: c.metrics[1:], Scale: v1alpha1.HTTPScalerScale{Max: 20},
		}
		if got := needed(&c.reading, spec); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
