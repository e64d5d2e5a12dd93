package window

import "github.com/kedify/inference-gateway/scaler/demand/instant"

// Activity is when one key had requests last, over all gateways and replicas.
type Activity struct {
	// Arrived is when a request arrived last.
	Arrived instant.Time
	// Exceeded is when the activation target was exceeded last.
	Exceeded instant.Time
	// loaded is when requests in flight were seen last, loadedFrom when the first of them was
	// after a load window without any.
	loaded, loadedFrom instant.Time
}

// Load notes that there are requests in flight; held: some of them were held up to now.
func (a *Activity) Load(z *Sizes, at instant.Time, held bool) {
	if held {
		a.loaded = max(a.loaded, at)
	}
	if a.loaded == instant.Never || at-a.loaded >= z.Load {
		a.loadedFrom = at
	}
	a.loaded = max(a.loaded, at)
}

// Quiet reports whether the concurrency of every second in the window is zero.
func (a *Activity) Quiet(z *Sizes, now instant.Time) bool {
	return now-a.loaded > z.Load+instant.Time(loadWidth)
}

// Within reports whether what keeps a workload active was no longer ago than keep. Without an
// activation target any arrival does, and so does the end of the last request. With one,
// arrivals alone do not: the user asked not to be woken by a few requests.
func (a *Activity) Within(keep, now instant.Time, target float64) bool {
	since := max(a.Arrived, a.loaded)
	if target > 0 {
		since = a.Exceeded
	}
	return since != instant.Never && now-since < keep
}
