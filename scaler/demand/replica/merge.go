package replica

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
)

// Gaps has for each gateway, of those whose past was told, up to when this replica knows
// nothing of it itself; Never: it knows enough.
type Gaps map[types.NamespacedName]instant.Time

// Target is what deltas of other replicas are merged into.
type Target interface {
	Local
	// Connected notes that the stream of a replica is open.
	Connected(replica string)
	// Gaps is called before any report is merged: what those add is no past.
	Gaps(told *Past, now instant.Time) Gaps
	// MergeProxy takes the newest report of a proxy that another replica received.
	MergeProxy(replica string, told *ProxyDelta, now instant.Time) Proxy
	// MergePast fills the gaps.
	MergePast(told *Past, gaps Gaps, now instant.Time)
	// MergeHolding takes what another replica holds for a key.
	MergeHolding(replica string, told HoldingDelta, now instant.Time) Key
	// Disconnected notes that the stream of a replica ended.
	Disconnected(replica string, now instant.Time)
}

// Merge applies what another replica tells. Deltas of one replica are to be merged in the order
// in which they were taken from its Follower.
func Merge(into Target, replica string, d Delta) {
	into.Connected(replica)
	now := into.Now()
	gaps := Gaps{}
	if d.Past != nil {
		gaps = into.Gaps(d.Past, now)
	}
	proxies, keys := map[Proxy]bool{}, map[Key]bool{}
	for i := range d.Proxies {
		proxies[into.MergeProxy(replica, &d.Proxies[i], now)] = true
	}
	if d.Past != nil {
		into.MergePast(d.Past, gaps, now)
	}
	for _, told := range d.Holding {
		keys[into.MergeHolding(replica, told, now)] = true
	}
	if !d.All {
		return
	}
	for _, p := range into.Proxies() {
		if !proxies[p] {
			p.Silence(replica, now)
		}
	}
	for _, k := range into.Keys() {
		if !keys[k] {
			k.Release(replica, now)
		}
	}
}

// Lost says that the stream of a replica ended. The proxies that report to it are gone until
// they report again, there or here.
func Lost(from Target, replica string) {
	now := from.Now()
	from.Disconnected(replica, now)
	for _, p := range from.Proxies() {
		p.Silence(replica, now)
	}
}
