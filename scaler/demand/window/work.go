package window

import (
	"math"
	"time"

	"github.com/kedify/inference-gateway/scaler/demand/counter"
	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/staffing"
	"github.com/kedify/inference-gateway/xds/ir"
)

// Work is what the requests of one key gave backends to do, over all gateways and replicas. It is kept for triggers that scale by it.
type Work struct {
	meter *staffing.Meter
	first firstTokens
	// reported: a proxy has counted work of the key.
	reported bool
}

// Tokens are numbers of tokens, and of the answers that said them.
type Tokens struct{ Answers, Prompt, Cached, Output uint64 }

// TokensOf returns those of some work.
func TokensOf(w *counter.Work) Tokens {
	return Tokens{Answers: w.Answers, Prompt: w.Prompt, Cached: w.Cached, Output: w.Output}
}

// Add adds more of them.
func (t *Tokens) Add(more Tokens) {
	t.Answers += more.Answers
	t.Prompt += more.Prompt
	t.Cached += more.Cached
	t.Output += more.Output
}

// WorkSettings say how work is kept.
type WorkSettings struct {
	Staffing staffing.Settings
	// FirstTokens is the span of times to the first token.
	FirstTokens time.Duration
}

// NewWork returns work that nothing was counted of.
func NewWork(s *WorkSettings) *Work {
	return &Work{meter: staffing.New(s.Staffing), first: newFirstTokens(s.FirstTokens)}
}

// Set changes the settings. What was counted stays, but for times to the first token in another span.
func (w *Work) Set(s *WorkSettings) {
	w.meter.Set(s.Staffing)
	if next := newFirstTokens(s.FirstTokens); next.width != w.first.width {
		w.first = next
	}
}

// Trim drops the memory of what does not count any more.
func (w *Work) Trim(now instant.Time) { w.meter.Trim(now) }

// Take takes what one proxy counted between two reports. requests arrived in that time, ended ended.
func (w *Work) Take(st *counter.Step, in *counter.Work, requests, ended uint64) {
	w.reported = true
	w.meter.Take(staffing.Seen{
		From: st.From, At: st.At, Requests: requests, Ended: ended, BytesSent: in.Sent, BytesReceived: in.Received,
		Answers: in.Answers, TokensIn: in.Prompt, TokensOut: in.Output, TokensCached: in.Cached,
	})
	w.first.add(st.At, &in.First)
}

// Asked is the work of a key at a moment.
type Asked struct {
	staffing.Need
	// Reported: a proxy has counted work of the key.
	Reported bool
	// First are the times to the first token of the streamed answers of the window.
	First FirstTokens
}

// Asked returns the work that is asked for now; held requests wait for an endpoint.
func (w *Work) Asked(now instant.Time, held int) *Asked {
	return &Asked{
		Need: w.meter.Need(now, staffing.Held{Requests: uint64(max(held, 0))}), Reported: w.reported, First: w.first.last(now),
	}
}

// firstSlots are the parts of the window that times to the first token are kept in, and the part that leaves.
const firstSlots = 12 + 1

// firstTokens are times to the first token by the time of the report that had them.
type firstTokens struct {
	width  instant.Time // of a slot
	slots  [firstSlots]counter.Classes
	newest int64 // the number of the newest slot: its begin divided by the width
}

func newFirstTokens(span time.Duration) firstTokens {
	return firstTokens{width: max(instant.Time(span)/(firstSlots-1), instant.Time(time.Second))}
}

func (f *firstTokens) add(at instant.Time, in *counter.Classes) {
	number := int64(at / f.width)
	if in[len(in)-1] == 0 || number <= f.newest-firstSlots {
		return
	}
	for i := max(f.newest+1, number-firstSlots+1); i <= number; i++ {
		f.slots[i%firstSlots] = counter.Classes{}
	}
	f.newest = max(f.newest, number)
	for i, n := range in {
		f.slots[number%firstSlots][i] += n
	}
}

// last returns those of the window, to a slot.
func (f *firstTokens) last(now instant.Time) (sum FirstTokens) {
	for number := max(int64(now/f.width)-firstSlots+1, f.newest-firstSlots+1, 0); number <= f.newest; number++ {
		for i, n := range f.slots[number%firstSlots] {
			sum[i] += n
		}
	}
	return sum
}

// FirstTokens are numbers of streamed answers whose first token took up to ir.FirstTokenBounds; the last is that of all.
type FirstTokens counter.Classes

// Answers returns how many there are.
func (f *FirstTokens) Answers() uint64 { return f[len(f)-1] }

// Quantile returns the time that a part of the answers took at most, evenly between the bounds of its class. It is at most the highest
// bound. There has to be an answer.
func (f *FirstTokens) Quantile(part float64) time.Duration {
	rank := part * float64(f.Answers())
	below, from := 0.0, 0.0
	for i, bound := range ir.FirstTokenBounds {
		upTo := float64(f[i])
		if upTo >= rank && upTo > below {
			at := from + (bound-from)*math.Max(rank-below, 0)/(upTo-below)
			return time.Duration(at * float64(time.Millisecond))
		}
		below, from = upTo, bound
	}
	return time.Duration(from * float64(time.Millisecond))
}
