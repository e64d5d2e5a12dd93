package demand

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Proxy is one Envoy.
type Proxy struct {
	Gateway types.NamespacedName
	Node    string
}

// External is the pseudo gateway of the user-run Envoys that count for a demand key. No
// Gateway has it: it has no namespace.
func External(key types.NamespacedName) types.NamespacedName {
	return types.NamespacedName{Name: key.String()}
}

// Counts are those of one key in one proxy. Requests and Retries are cumulative since the
// proxy's start, Active is now.
type Counts struct {
	// Requests counts the requests that arrived, and every further attempt at one of them.
	Requests uint64
	// Retries are the further attempts among Requests. A retry that waits for its back-off
	// may be in Retries before it is in Requests. Zero: Requests has first attempts only.
	Retries uint64
	// Active are requests in flight.
	Active uint64
}

// first returns how many requests arrived.
func (c Counts) first() uint64 { return c.Requests - min(c.Requests, c.Retries) }

// began reports whether counters began anew between two reports of one process: the last
// cluster that had them went, and another came.
func (c Counts) began(last Counts) bool {
	return c.Requests < last.Requests || c.Retries < last.Retries
}

// Report is one message of a proxy: keys that are absent counted nothing since its start.
type Report struct {
	Proxy Proxy
	// Started: the proxy said that its uptime is below two flushes.
	Started bool
	// Uptime of the proxy as it said, in whole seconds; zero: it did not say.
	Uptime time.Duration
	// Time is when the proxy counted, on its own clock. It orders the reports of this proxy
	// over all replicas, and is compared with nothing else. Zero: now.
	Time time.Time
	// Counts is read during the call only.
	Counts map[types.NamespacedName]Counts
}
