package window_test

import (
	"math"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

const (
	second = instant.Time(time.Second)
	floor  = 2 * time.Second
	begin  = 1000 * second
)

// rig is one window with the activity of its key.
type rig struct {
	t        *testing.T
	sizes    window.Sizes
	window   *window.Window
	activity window.Activity
	now      instant.Time
}

func newRig(t *testing.T, width, granularity time.Duration) *rig {
	sizes := window.NewSizes(width, granularity, floor)
	return &rig{t: t, sizes: sizes, window: window.New(&sizes), now: begin}
}

// take has proxies report after a second: the requests that arrived and those in flight.
func (r *rig) take(reports ...window.Sample) {
	r.now += second
	for i := range reports {
		in := reports[i]
		in.From, in.At, in.Rate = r.now-second, r.now, float64(in.Requests)
		if in.Active > 0 {
			r.activity.Load(&r.sizes, in.At, false)
		}
		r.window.Take(&r.sizes, &in)
	}
}

func (r *rig) traffic() window.Traffic {
	t := window.NewTraffic(types.NamespacedName{}, &r.sizes, &r.activity, r.now)
	t.Add(&r.sizes, r.window, r.now)
	return t
}

func (r *rig) wants(what string, rate, average, peak float64, inFlight uint64) {
	r.t.Helper()
	got := r.traffic()
	if near := func(a, b float64) bool { return math.Abs(a-b) < 1e-3 }; !near(got.Rate, rate) || !near(got.Average(), average) ||
		!near(got.Peak(), peak) || got.InFlight != inFlight {
		r.t.Errorf("%s: rate %v, average %v, peak %v, %d in flight; not %v, %v, %v, %d",
			what, got.Rate, got.Average(), got.Peak(), got.InFlight, rate, average, peak, inFlight)
	}
}

// Rate and concurrency of two proxies, from the first report to the end of the window.
func TestWindow(t *testing.T) {
	r := newRig(t, 10*time.Second, time.Second)
	r.wants("nothing", 0, 0, 0, 0)
	r.take(window.Sample{Proxy: 1, Requests: 10, Active: 2}, window.Sample{Proxy: 2, Requests: 20, Active: 4})
	r.wants("one report each: over the floor", 15, 1.5, 3, 6) // in flight rose from 0 to 6
	for range 20 {
		r.take(window.Sample{Proxy: 1, Requests: 10, Active: 2}, window.Sample{Proxy: 2, Requests: 20, Active: 4})
	}
	r.wants("a full window", 30, 6, 6, 6)
	r.window.Lose(2, r.now)
	r.window.Lose(3, r.now)
	r.wants("a proxy is lost", 30, 6, 6, 2)
	for range 10 {
		r.take(window.Sample{Proxy: 1, Requests: 10, Active: 2})
	}
	r.wants("a window later", 10, 2, 2, 2)
	r.take(window.Sample{Proxy: 1})
	r.wants("the end", 9, 1.9, 2, 0)
	for range 8 {
		r.take()
	}
	r.wants("most of a window later", 1, 0.3, 2, 0)
	r.take()
	r.wants("a window later", 0, 0.1, 1, 0)
	r.take(window.Sample{Proxy: 1, Requests: 8})
	r.wants("it begins anew", 4, 0, 0, 0)
}

// What a proxy that was gone had in flight is not counted up to its return.
func TestReturned(t *testing.T) {
	r := newRig(t, 10*time.Second, time.Second)
	r.take(window.Sample{Proxy: 1, Active: 4, Returned: true})
	r.wants("at once", 0, 0, 0, 4)
	r.take(window.Sample{Proxy: 1, Active: 4})
	r.wants("a second later", 0, 2, 4, 4)
}

// What was in flight long ago is not counted with what is in flight after it.
func TestLongAgo(t *testing.T) {
	r := newRig(t, 10*time.Second, time.Second)
	for range 20 {
		r.take(window.Sample{Proxy: 1, Requests: 10, Active: 4})
	}
	r.take(window.Sample{Proxy: 1})
	for range 40 {
		r.take()
	}
	r.take(window.Sample{Proxy: 1, Active: 2})
	r.wants("it rose from 0 to 2 in a second, over the floor", 0, 0.5, 1, 2)
}

// A number in flight lasts until a proxy that reports no more is lost.
func TestLose(t *testing.T) {
	r := newRig(t, 10*time.Second, time.Second)
	for range 10 {
		r.take(window.Sample{Proxy: 1, Active: 4})
	}
	for range 5 {
		r.take()
	}
	r.wants("silent", 0, 4, 4, 4)
	r.window.Lose(1, r.now-2*second)
	r.wants("lost two seconds ago", 0, 3.2, 4, 0)
	r.window.TrimLoad()
	r.wants("trimmed", 0, 0, 0, 0)
}

// What was counted moves to the buckets of other sizes.
func TestResized(t *testing.T) {
	r := newRig(t, time.Minute, 5*time.Second)
	for range 90 {
		r.take(window.Sample{Proxy: 1, Requests: 10, Active: 2})
	}
	r.wants("before", 10, 2, 2, 2)
	last := r.sizes
	r.sizes = window.NewSizes(10*time.Second, time.Second, floor)
	if r.sizes.SameBuckets(&last) || !last.SameBuckets(&last) {
		t.Error("same buckets")
	}
	r.window = r.window.Resized(&r.sizes)
	r.wants("after", 10, 2, 2, 2)
	r.take(window.Sample{Proxy: 1, Requests: 20, Active: 2})
	r.wants("a second later", 11, 2, 2, 2)
}

// Requests that are held count from the moment on at which they are.
func TestTrack(t *testing.T) {
	sizes, activity, held := window.NewSizes(10*time.Second, 0, floor), window.Activity{}, window.NewTrack()
	activity.Load(&sizes, begin, false)
	held.Set(begin, 4)
	held.Set(begin+6*second, 8)
	held.Set(begin+5*second, 10) // late: it counts from the last change on
	traffic := func(at instant.Time) window.Traffic {
		t := window.NewTraffic(types.NamespacedName{}, &sizes, &activity, at)
		t.AddHeld(&held, at)
		return t
	}
	if got := traffic(begin + 8*second); got.Held != 10 || got.InFlight != 10 || math.Abs(got.Average()-44.0/8) > 1e-9 || got.Peak() != 10 {
		t.Errorf("%+v, average %v, peak %v", got, got.Average(), got.Peak())
	}
	held.Set(begin+8*second, 0)
	if got := traffic(begin + 12*second); got.Held != 0 || got.InFlight != 0 || math.Abs(got.Average()-3.6) > 1e-9 {
		t.Errorf("%+v, average %v", got, got.Average())
	}
	if held.Value() != 0 || held.Last() != begin+8*second {
		t.Errorf("%d since %v", held.Value(), held.Last())
	}
	held.Trim()
	if got := traffic(begin + 12*second); got.Average() != 0 {
		t.Errorf("trimmed: %v", got.Average())
	}
}
