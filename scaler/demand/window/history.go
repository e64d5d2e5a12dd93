package window

import (
	"math"
	"time"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
)

// History is the requests of the last window, for another replica.
type History struct {
	// First is when the first of them arrived.
	First instant.Time
	// Requests are those of buckets of one width, without a gap, oldest first. End is when the
	// last bucket ends.
	Width    time.Duration
	End      instant.Time
	Requests []float64
}

// maxAmount is far more requests than there can be in a bucket.
const maxAmount = 1e12

// History returns the requests of the window; false: there are none.
func (w *Window) History(z *Sizes, now instant.Time) (h History, any bool) {
	if w.arrived == instant.Never || now-w.arrived >= z.Window || w.requests.Empty() {
		return h, false
	}
	r := &w.requests
	oldest, newest := r.Span()
	h = History{First: w.first, Width: time.Duration(r.Width()), End: instant.Time(newest+1) * r.Width()}
	for i := oldest; i <= newest; i++ {
		if amount := r.At(i); amount > 0 || h.Requests != nil {
			h.Requests = append(h.Requests, math.Round(amount*1000)/1000)
		}
	}
	return h, true
}

// Adopt adds the requests that arrived up to a moment (cut) of another replica's history.
func (w *Window) Adopt(h *History, cut, now instant.Time) {
	width := instant.Time(h.Width)
	to := min(h.End, now+width)
	for i := len(h.Requests) - 1; i >= 0; i-- {
		from, amount := to-width, h.Requests[i]
		if from <= instant.Never {
			break
		}
		if end := min(to, cut); end > from && amount > 0 && amount < maxAmount {
			w.requests.Add(from, end, amount*float64(end-from)/float64(width))
			w.arrived = max(w.arrived, end)
		}
		to = from
	}
	oldest, _ := w.requests.Span()
	reach := instant.Time(oldest) * w.requests.Width()
	if first := max(h.First, reach); w.first == instant.Never || first < w.first {
		w.first = first
	}
}
