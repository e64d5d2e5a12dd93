package window_test

import (
	"math"
	"testing"
	"time"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

// Every window and granularity of a trigger gives windows that can be counted in.
func TestSizes(t *testing.T) {
	for _, c := range []struct{ window, granularity, rate, load time.Duration }{
		{0, 0, time.Minute, 15 * time.Second},
		{-time.Second, -time.Second, time.Minute, 15 * time.Second},
		{time.Second, time.Second, 2 * time.Second, 2 * time.Second},
		{10 * time.Second, time.Minute, 10 * time.Second, 10 * time.Second},
		{24 * time.Hour, time.Millisecond, 24 * time.Hour, 15 * time.Second},
	} {
		sizes := window.NewSizes(c.window, c.granularity, floor)
		if sizes.Window != instant.Time(c.rate) || sizes.Load != instant.Time(c.load) {
			t.Errorf("%s by %s: %v and %v", c.window, c.granularity, sizes.Window.Seconds(), sizes.Load.Seconds())
		}
		w, at := window.New(&sizes), 100*24*3600*second
		w.Take(&sizes, &window.Sample{Proxy: 1, From: at - 3*second, At: at, Requests: 300, Rate: 100})
		history, any := w.History(&sizes, at)
		if c.granularity <= 0 && history.Width != time.Second {
			t.Errorf("%s by %s: buckets of %s", c.window, c.granularity, history.Width)
		}
		if buckets := c.rate / history.Width; !any || buckets > 3600 || history.Width < 100*time.Millisecond || history.Width > c.rate/2 {
			t.Errorf("%s by %s: buckets of %s", c.window, c.granularity, history.Width)
		}
	}
}

// Buckets are the same when their width and both of their numbers are.
func TestSameBuckets(t *testing.T) {
	sizes := window.NewSizes(time.Minute, time.Second, floor)
	for _, c := range []struct {
		window, granularity time.Duration
		same                bool
	}{
		{time.Minute, time.Second, true},
		{time.Minute + time.Second, time.Second, false},
		{time.Minute, 2 * time.Second, false},
		{2 * time.Minute, 2 * time.Second, false},
	} {
		if other := window.NewSizes(c.window, c.granularity, floor); sizes.SameBuckets(&other) != c.same {
			t.Errorf("%s by %s: same is not %t", c.window, c.granularity, c.same)
		}
	}
	short, shorter := window.NewSizes(10*time.Second, 5*time.Second, floor), window.NewSizes(9*time.Second, 5*time.Second, floor)
	if short.SameBuckets(&shorter) {
		t.Error("another window of the concurrency has the same buckets")
	}
}

// A history of one window fills the gap of another.
func TestHistory(t *testing.T) {
	r := newRig(t, 10*time.Second, time.Second)
	if _, any := r.window.History(&r.sizes, r.now); any {
		t.Error("a history of nothing")
	}
	for range 30 {
		r.take(window.Sample{Proxy: 1, Requests: 10})
	}
	history, any := r.window.History(&r.sizes, r.now)
	if !any || history.First != begin || history.End != r.now || history.Width != time.Second ||
		len(history.Requests) != 12 || history.Requests[0] != 10 {
		t.Fatalf("%+v", history)
	}
	other := newRig(t, 10*time.Second, time.Second)
	other.now = r.now
	other.window.Adopt(&history, r.now-4*second, r.now)
	other.wants("up to the gap", 6, 0, 0, 0)
	all := newRig(t, 10*time.Second, time.Second)
	all.now = r.now
	all.window.Adopt(&history, r.now, r.now)
	all.wants("all of it", 10, 0, 0, 0)
	all.take(window.Sample{Proxy: 1, Requests: 20})
	all.wants("and on", 11, 0, 0, 0)
	if _, any := r.window.History(&r.sizes, r.now+10*second); any {
		t.Error("a history of what does not count any more")
	}
	wrong := history
	wrong.Requests = []float64{-5, 1e12, 1e300, math.Inf(1)}
	none := newRig(t, 10*time.Second, time.Second)
	none.now = r.now
	none.window.Adopt(&wrong, r.now, r.now)
	none.wants("amounts that are none", 0, 0, 0, 0)
}

// An idle window has no history: its memory is dropped when nothing of it counts.
func TestTrim(t *testing.T) {
	r := newRig(t, 10*time.Second, time.Second)
	r.take(window.Sample{Proxy: 1, Requests: 10})
	r.window.Trim(&r.sizes, r.now+20*second)
	r.wants("it has a rate", 5, 0, 0, 0)
	r.take(window.Sample{Proxy: 1})
	r.window.Trim(&r.sizes, r.now)
	r.wants("it is in the window", 5, 0, 0, 0)
	r.window.Trim(&r.sizes, r.now-second+11*second)
	r.wants("trimmed", 0, 0, 0, 0)
}

func TestActivity(t *testing.T) {
	sizes := window.NewSizes(10*time.Second, 0, floor)
	keep := 60 * second
	loaded, arrived, exceeded := window.Activity{}, window.Activity{Arrived: begin},
		window.Activity{Arrived: begin + 50*second, Exceeded: begin}
	loaded.Load(&sizes, begin, false)
	for _, c := range []struct {
		name     string
		activity window.Activity
		at       instant.Time
		target   float64
		want     bool
	}{
		{"never", window.Activity{}, 1, 0, false},
		{"never, with a target", window.Activity{Arrived: begin}, begin, 1, false},
		{"arrived", arrived, begin + keep - 1, 0, true},
		{"arrived too long ago", arrived, begin + keep, 0, false},
		{"in flight", loaded, begin + keep - 1, 0, true},
		{"in flight too long ago", loaded, begin + keep, 0, false},
		{"exceeded", exceeded, begin + keep - 1, 5, true},
		{"exceeded too long ago", exceeded, begin + keep, 5, false},
	} {
		if got := c.activity.Within(keep, c.at, c.target); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
	if quiet := begin + sizes.Load + second; loaded.Quiet(&sizes, quiet) || !loaded.Quiet(&sizes, quiet+1) {
		t.Error("quiet at another time")
	}
}
