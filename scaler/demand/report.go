package demand

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand/counter"
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

// Counts are those of one key in one proxy.
type Counts = counter.Counts

// Work is what the requests of one key gave backends to do, as one proxy counted it.
type Work = counter.Work

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
	// Work of the keys whose triggers ask for it. It is read during the call only.
	Work map[types.NamespacedName]*Work
}
