package counter

import (
	"math"
	"slices"

	"github.com/kedify/inference-gateway/xds/ir"
)

// Work is what the requests of one key gave backends to do, in one proxy: cumulative since its start. It is counted for triggers
// that ask for it.
type Work struct {
	// Sent and Received are bytes to and from backends, headers and retries included. They move while a request is on its way.
	Sent, Received uint64
	// Answers said what they cost: tokens of their prompts, those of them that a cache had, and tokens of their own. They are counted at the
	// end of an answer.
	Answers, Prompt, Cached, Output uint64
	// First are streamed answers by the time from the first byte of the request to the first one of the body: how many of them took at
	// most ir.FirstTokenBounds, and all. They are cumulative since the stream of the proxy began.
	First Classes
}

// Classes are numbers of values up to bounds, the last is that of all.
type Classes [ir.FirstTokenClasses]uint64

// AddFirst adds the number of answers that took up to a bound, in milliseconds. A bound that is not in the table is left out.
func (w *Work) AddFirst(bound float64, upTo uint64) {
	switch i, found := slices.BinarySearch(ir.FirstTokenBounds[:], bound); {
	case found:
		w.First[i] += upTo
	case math.IsInf(bound, 1):
		w.First[len(w.First)-1] += upTo
	}
}

// Bounds of what one key can be in one proxy: more than a proxy moves, and than models say of that. A holder of its certificate can send
// any number.
const (
	maxBytesRate  = 12_500_000_000 // a second: 100 Gbit
	maxTokensRate = 100_000_000
)

// since returns what was counted after a report of before, at most what can be in a span. A number that fell began anew.
func (w *Work) since(last *Work, st Step) (delta Work) {
	part := func(now, last, most uint64) uint64 {
		if now >= last {
			now -= last
		}
		return st.most(now, most)
	}
	delta = Work{
		Sent: part(w.Sent, last.Sent, maxBytesRate), Received: part(w.Received, last.Received, maxBytesRate),
		Answers: part(w.Answers, last.Answers, maxRate), Prompt: part(w.Prompt, last.Prompt, maxTokensRate),
		Output: part(w.Output, last.Output, maxTokensRate), Cached: part(w.Cached, last.Cached, maxTokensRate),
	}
	delta.Cached = min(delta.Cached, delta.Prompt)
	for i := range w.First {
		delta.First[i] = part(w.First[i], last.First[i], maxRate)
		if i > 0 {
			delta.First[i] = max(delta.First[i], delta.First[i-1]) // up to a higher bound there are no fewer
		}
	}
	return delta
}

// WorkCounter is the work of one key in one proxy.
type WorkCounter struct{ last Work }

// Take takes the work of a report and returns what was added since the one before. A baseline says nothing about when it was done.
func (c *WorkCounter) Take(now *Work, st Step) (delta Work) {
	if !st.Baseline {
		delta = now.since(&c.last, st)
	}
	c.last = *now
	return delta
}

// Last returns the work of the last report.
func (c *WorkCounter) Last() Work { return c.last }

// Restart begins anew, as the counters of a new process do.
func (c *WorkCounter) Restart() { c.last = Work{} }
