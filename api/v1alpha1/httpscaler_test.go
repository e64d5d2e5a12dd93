package v1alpha1

import (
	"encoding/json"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestBlocksAreNeverEmpty: every block of an HTTPScaler has a field that is always written. The API
// server makes a block null from which a server-side apply takes the last field, and the CRD refuses
// null.
func TestBlocksAreNeverEmpty(t *testing.T) {
	text, err := json.Marshal(HTTPScalerSpec{})
	if err != nil {
		t.Fatal(err)
	}
	var spec map[string]any
	if err := json.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, block map[string]any)
	walk = func(path string, block map[string]any) {
		if len(block) == 0 {
			t.Errorf("%s can be empty", path)
		}
		for name, value := range block {
			if nested, is := value.(map[string]any); is {
				walk(path+"."+name, nested)
			}
		}
	}
	walk("spec", spec)
}

// TestTargets: a target is a number in the unit of the metric, of the block that has it.
func TestTargets(t *testing.T) {
	for want, metric := range map[float64]HTTPScalerMetric{
		5:    {Type: RequestRate, Target: 5},
		0.75: {Type: KVCache, KVCache: &KVCacheMetric{Target: "0.75"}},
		1.5:  {Type: TTFT, TTFT: &TTFTMetric{Target: metav1.Duration{Duration: 1500 * time.Millisecond}}},
	} {
		if got := metric.TargetValue(); got != want {
			t.Errorf("%v of %+v", got, metric)
		}
	}
	if got := Decimal("a few").Float(); got != 0 {
		t.Errorf("%v of no number", got)
	}
}

// TestWindowOfSeveral: requests are counted in the window of requestRate if there is one.
func TestWindowOfSeveral(t *testing.T) {
	seconds := func(n int) metav1.Duration { return metav1.Duration{Duration: time.Duration(n) * time.Second} }
	rate := HTTPScalerMetric{Type: RequestRate, RequestRate: &RequestRateMetric{Window: seconds(9), Granularity: seconds(3)}}
	tokens := HTTPScalerMetric{Type: TokenRate, TokenRate: &TokenRateMetric{Window: seconds(60)}}
	cache := HTTPScalerMetric{Type: KVCache, KVCache: &KVCacheMetric{}}
	for _, c := range []struct {
		spec       HTTPScalerSpec
		span, step int
	}{
		{HTTPScalerSpec{Metric: tokens, MoreMetrics: []HTTPScalerMetric{rate}}, 9, 3},
		{HTTPScalerSpec{Metric: cache, MoreMetrics: []HTTPScalerMetric{tokens}}, 60, 1},
		{HTTPScalerSpec{Metric: cache}, 15, 1},
		{HTTPScalerSpec{Metric: HTTPScalerMetric{Type: RequestRate}}, 0, 0},
	} {
		span, step := c.spec.Window()
		if span != seconds(c.span).Duration || step != seconds(c.step).Duration {
			t.Errorf("%v in steps of %v: %+v", span, step, c.spec)
		}
	}
}
