package replica

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand/counter"
	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/window"
)

// Delta is what one replica tells another about what it counts and holds itself. It travels as
// JSON.
type Delta struct {
	// All: this is all that the replica knows, and replaces what it told before. Otherwise it
	// is what changed.
	All     bool           `json:"all,omitempty"`
	Proxies []ProxyDelta   `json:"proxies,omitempty"`
	Holding []HoldingDelta `json:"holding,omitempty"`
	// Past comes with All.
	Past *Past `json:"past,omitempty"`
}

// ProxyDelta is the newest report of a proxy.
type ProxyDelta struct {
	Gateway types.NamespacedName `json:"gateway"`
	Node    string               `json:"node"`
	// Time is when the proxy counted, in milliseconds on its own clock; Age is how long ago
	// its report was received.
	Time    int64         `json:"time"`
	Age     Age           `json:"age"`
	Uptime  time.Duration `json:"uptime,omitempty"`
	Started bool          `json:"started,omitempty"`
	// Gone is how long ago its stream ended; nil: the stream is open.
	Gone *Age `json:"gone,omitempty"`
	// Counts are those that changed.
	Counts []KeyCounts `json:"counts,omitempty"`
}

// KeyCounts are the counts of one key, "namespace/name", in one proxy.
type KeyCounts struct {
	Key      string `json:"k"`
	Requests uint64 `json:"r,omitempty"`
	Retries  uint64 `json:"t,omitempty"`
	Active   uint64 `json:"a,omitempty"`
	// Work is nil for a key whose trigger does not ask for it, and from a replica of an older version. That is not zero.
	Work *WorkCounts `json:"w,omitempty"`
}

// WorkCounts are those of counter.Work.
type WorkCounts struct {
	Sent     uint64 `json:"s,omitempty"`
	Received uint64 `json:"r,omitempty"`
	Answers  uint64 `json:"n,omitempty"`
	Prompt   uint64 `json:"p,omitempty"`
	Cached   uint64 `json:"c,omitempty"`
	Output   uint64 `json:"o,omitempty"`
	// First are counter.Work.First without the last numbers that are equal, but one.
	First []uint64 `json:"f,omitempty"`
}

// WorkCountsOf returns work as it travels.
func WorkCountsOf(w counter.Work) *WorkCounts {
	told := &WorkCounts{Sent: w.Sent, Received: w.Received, Answers: w.Answers, Prompt: w.Prompt, Cached: w.Cached, Output: w.Output}
	n := len(w.First)
	for n > 1 && w.First[n-1] == w.First[n-2] {
		n--
	}
	if w.First[n-1] > 0 {
		told.First = w.First[:n]
	}
	return told
}

// Counted returns the work that was told; nil: nothing was.
func (c *WorkCounts) Counted() *counter.Work {
	if c == nil {
		return nil
	}
	w := &counter.Work{Sent: c.Sent, Received: c.Received, Answers: c.Answers, Prompt: c.Prompt, Cached: c.Cached, Output: c.Output}
	for i := range w.First {
		switch {
		case i < len(c.First):
			w.First[i] = c.First[i]
		case i > 0:
			w.First[i] = w.First[i-1]
		}
	}
	return w
}

// HoldingDelta is what the replica holds for one key.
type HoldingDelta struct {
	Key  types.NamespacedName `json:"key"`
	Held int                  `json:"held"`
	// Last is how long ago a held request arrived; negative: none did.
	Last Age `json:"last"`
	// Waits is nil when no request ever waited here, and from a replica of an older version.
	Waits *WaitDelta `json:"waits,omitempty"`
}

// WaitDelta is how long ago requests of one key fared so at the replica; negative: never, or none waits.
type WaitDelta struct {
	// Since is when the first came that found no endpoint, after the last one that was served.
	Since Age `json:"since"`
	// Failed and Served are when one that had waited was last answered without an endpoint, and sent to one.
	Failed Age `json:"failed"`
	Served Age `json:"served"`
}

// Past is what the replica knows about the past, over all proxies, for a replica that has just
// begun.
type Past struct {
	Gateways []GatewayPast `json:"gateways,omitempty"`
	Keys     []KeyPast     `json:"keys,omitempty"`
}

// GatewayPast says that the past of a gateway is known.
type GatewayPast struct {
	Gateway types.NamespacedName `json:"gateway"`
	// Watched is for how long; negative: since its first proxy began.
	Watched Age `json:"watched"`
}

// KeyPast is the past of one key.
type KeyPast struct {
	Key types.NamespacedName `json:"key"`
	// Arrived and Busy are how long ago a request arrived and the activation target was
	// exceeded; negative: never as far as is known.
	Arrived Age `json:"arrived"`
	Busy    Age `json:"busy"`
	// Began is since when arrivals are known; negative: since all proxies began.
	Began Age        `json:"began"`
	Rates []RatePast `json:"rates,omitempty"`
}

// RatePast are the requests of the last window that the proxies of one gateway counted.
type RatePast struct {
	Gateway types.NamespacedName `json:"gateway"`
	// First is how long ago the first of them was.
	First Age `json:"first"`
	// Requests are those of buckets of one width, in milliseconds, without a gap, oldest
	// first. End is how long ago the last bucket ended; negative: it has not.
	Width    int64     `json:"width"`
	End      Age       `json:"end"`
	Requests []float64 `json:"requests"`
}

// RatePastOf returns the history of a window as it travels.
func RatePastOf(gateway types.NamespacedName, h window.History, now instant.Time) RatePast {
	return RatePast{
		Gateway: gateway, First: AgeOf(h.First, now), Width: h.Width.Milliseconds(),
		End: Age((now - h.End) / instant.Time(time.Millisecond)), Requests: h.Requests,
	}
}

// History returns the history that was told; false: the numbers cannot be counted with.
func (r *RatePast) History(now instant.Time) (h window.History, valid bool) {
	const day = int64(24 * time.Hour / time.Millisecond)
	if r.Width <= 0 || r.Width > day || int64(r.End) > day || int64(r.End) < -day {
		return h, false
	}
	return window.History{
		First: r.First.At(now), Width: time.Duration(r.Width) * time.Millisecond,
		End: now - instant.Time(r.End)*instant.Time(time.Millisecond), Requests: r.Requests,
	}, true
}
