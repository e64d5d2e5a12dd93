package metric_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

const second = instant.Time(1e9)

// traffic is 30 requests/s, and 4 in flight for ten seconds that became 8 in the last second.
func traffic() window.Traffic {
	sizes := window.NewSizes(0, 0, 2e9)
	w, activity := window.New(&sizes), window.Activity{}
	now := 100 * second
	for i, active := range []uint64{4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 8} {
		now = instant.Time(100+i) * second
		activity.Load(&sizes, now, false)
		w.Take(&sizes, &window.Sample{Proxy: 1, From: now - second, At: now, Requests: 30, Rate: 30, Active: active})
	}
	t := window.NewTraffic(types.NamespacedName{}, &sizes, &activity, now)
	t.Add(&sizes, w, now)
	return t
}

// Each type of metric has a name of its own and the value that it says.
func TestAll(t *testing.T) {
	for _, c := range []struct {
		spec v1alpha1.HTTPScalerMetric
		name string
		// least and most are what the value is between.
		least, most float64
	}{
		{v1alpha1.HTTPScalerMetric{Type: v1alpha1.RequestRate}, "http-request-rate", 29.99, 30.01},
		{v1alpha1.HTTPScalerMetric{Type: "not a type"}, "http-request-rate", 29.99, 30.01},
		{v1alpha1.HTTPScalerMetric{Type: v1alpha1.Concurrency}, "http-concurrency", 4, 4.5},
		{concurrencyBy("average"), "http-concurrency", 4, 4.5},
		{concurrencyBy("peak"), "http-concurrency", 5.99, 6.01},
		{concurrencyBy("instant"), "http-concurrency", 8, 8},
	} {
		m := metric.All.Of(c.spec)
		value, err := m.Value(traffic())
		if m.Name() != c.name || err != nil || value < c.least || value > c.most {
			t.Errorf("%+v: %s of %v, %v; not %s between %v and %v", c.spec, m.Name(), value, err, c.name, c.least, c.most)
		}
	}
}

// The activation target is exceeded by the requests in flight or their rate, with any metric,
// and, if there is a target, by the concurrency.
func TestExceeds(t *testing.T) {
	sizes := window.NewSizes(0, 0, 2e9)
	ended := func() window.Traffic { // 10 requests that were in flight until a second ago
		w, activity := window.New(&sizes), window.Activity{}
		for i, active := range []uint64{10, 10, 10, 0} {
			at := instant.Time(100+i) * second
			activity.Load(&sizes, at, false)
			w.Take(&sizes, &window.Sample{Proxy: 1, From: at - second, At: at, Active: active})
		}
		t := window.NewTraffic(types.NamespacedName{}, &sizes, &activity, 104*second)
		t.Add(&sizes, w, 104*second)
		return t
	}()
	for _, kind := range []v1alpha1.MetricType{v1alpha1.RequestRate, v1alpha1.Concurrency} {
		m := metric.All.Of(v1alpha1.HTTPScalerMetric{Type: kind})
		for _, c := range []struct {
			name    string
			traffic window.Traffic
			target  float64
			want    bool
		}{
			{"nothing", window.Traffic{}, 0, false},
			{"in flight", window.Traffic{InFlight: 1}, 0, true},
			{"in flight at the target", window.Traffic{InFlight: 5}, 5, false},
			{"in flight above it", window.Traffic{InFlight: 6}, 5, true},
			{"a rate", window.Traffic{Rate: 0.1}, 0, true},
			{"a rate at the target", window.Traffic{Rate: 5}, 5, false},
			{"a rate above it", window.Traffic{Rate: 5.1}, 5, true},
			{"requests that have ended, without a target", ended, 0, false},
			{"requests that have ended, above the target", ended, 5, true},
			{"requests that have ended, below the target", ended, 11, false},
		} {
			if got := m.Exceeds(c.traffic, c.target); got != c.want {
				t.Errorf("%s, %s: %t", kind, c.name, got)
			}
		}
	}
}

func concurrencyBy(aggregation v1alpha1.Aggregation) v1alpha1.HTTPScalerMetric {
	return v1alpha1.HTTPScalerMetric{Type: v1alpha1.Concurrency, Concurrency: &v1alpha1.ConcurrencyMetric{Aggregation: aggregation}}
}
