package policy

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/bench/scaling/fleet"
	"github.com/kedify/inference-gateway/bench/scaling/hpa"
	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

// floor of what a number is taken over, as scaler/demand has it.
const shortest = 2 * time.Second

// requests is a metric of the product about requests.
type requests struct {
	sizes    window.Sizes
	window   *window.Window
	activity window.Activity
	held     window.Track
	metric   metric.Metric
	target   float64
}

// RequestRate is requests per second and replica, over a minute.
func RequestRate(target float64) Signal {
	return newRequests(v1alpha1.HTTPScalerMetric{Type: v1alpha1.RequestRate}, target, time.Minute)
}

// Concurrency is requests in flight and held by replica, averaged over 15 s.
func Concurrency(target float64) Signal {
	return newRequests(v1alpha1.HTTPScalerMetric{Type: v1alpha1.Concurrency}, target, 15*time.Second)
}

func newRequests(spec v1alpha1.HTTPScalerMetric, target float64, span time.Duration) Signal {
	r := &requests{sizes: window.NewSizes(span, 0, shortest), held: window.NewTrack(), metric: metric.All.Of(spec), target: target}
	r.window = window.New(&r.sizes)
	return r
}

// at is a moment of a run on the clock of the product, which begins after Never.
func at(now float64) instant.Time { return instant.Time((now + 1000) * float64(time.Second)) }

// Count implements Signal.
func (r *requests) Count(now float64, f *fleet.Fleet) {
	counts, to := f.Take(), at(now)
	held, _ := f.Held()
	active := f.InFlight()
	if active+held > 0 {
		r.activity.Load(&r.sizes, to, held > 0)
	}
	r.held.Set(to, held)
	r.window.Take(&r.sizes, &window.Sample{
		Proxy: 1, From: to - instant.Time(time.Second), At: to,
		Requests: uint64(counts.Arrived), Rate: float64(counts.Arrived), Active: uint64(active),
	})
}

// Metrics implements Signal.
func (r *requests) Metrics(now float64) []hpa.Metric {
	t := window.NewTraffic(types.NamespacedName{}, &r.sizes, &r.activity, at(now))
	t.Add(&r.sizes, r.window, at(now))
	t.AddHeld(&r.held, at(now))
	value, err := r.metric.Value(t)
	return []hpa.Metric{{Value: value, Target: r.target, PerReplica: true, Unknown: err != nil}}
}
