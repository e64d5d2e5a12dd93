package demand

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// News is what one replica tells another about what it counts and holds itself. It travels as
// JSON. Counts are cumulative and moments are ages, so the clocks of replicas do not matter
// and hearing something twice changes nothing.
type News struct {
	// All: this is all that the replica knows, and replaces what it said before. Otherwise it
	// is what changed.
	All     bool          `json:"all,omitempty"`
	Proxies []ProxyNews   `json:"proxies,omitempty"`
	Holding []HoldingNews `json:"holding,omitempty"`
	// Past comes with All.
	Past *PastNews `json:"past,omitempty"`
}

// Age is how long ago something was, in milliseconds.
type Age int64

// unaged is the age of what never was.
const unaged Age = -1

func age(at, now instant) Age {
	if at == never {
		return unaged
	}
	return Age(max(now-at, 0) / instant(time.Millisecond))
}

// at returns the moment that was an age ago.
func (a Age) at(now instant) instant {
	switch {
	case a < 0:
		return never
	case instant(a) > now/instant(time.Millisecond):
		return never + 1
	}
	return max(now-instant(a)*instant(time.Millisecond), never+1)
}

// ProxyNews is the newest report of a proxy.
type ProxyNews struct {
	Gateway types.NamespacedName `json:"gateway"`
	Node    string               `json:"node"`
	// Time is when the proxy counted, in milliseconds on its own clock; Age is how long ago
	// its report was received.
	Time    int64         `json:"time"`
	Age     Age           `json:"age"`
	Uptime  time.Duration `json:"uptime,omitempty"`
	Started bool          `json:"started,omitempty"`
	// Gone is how long ago its stream ended.
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
}

// HoldingNews is what the replica holds for one key.
type HoldingNews struct {
	Key  types.NamespacedName `json:"key"`
	Held int                  `json:"held"`
	// Last is how long ago a held request arrived; negative: none did.
	Last Age `json:"last"`
}

// PastNews is what the replica knows about the past, over all proxies, for a replica that has
// just begun.
type PastNews struct {
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
