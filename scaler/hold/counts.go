package hold

import (
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"
)

// heldCounts counts held requests, over all gateways of this replica, and limits them.
type heldCounts struct {
	options *Options
	total   atomic.Int64

	mu    sync.RWMutex
	byKey map[types.NamespacedName]*heldCount
}

// heldCount counts the requests of one demand key: those that are held, and those that ever were
// held or shown the waiting page. It is never forgotten, because arrived may not begin again at
// zero.
type heldCount struct {
	mu      sync.Mutex
	held    int
	arrived uint64
}

func newHeldCounts(options *Options) *heldCounts {
	return &heldCounts{options: options, byKey: map[types.NamespacedName]*heldCount{}}
}

func (c *heldCounts) of(key types.NamespacedName) *heldCount {
	c.mu.RLock()
	found := c.byKey[key]
	c.mu.RUnlock()
	if found != nil {
		return found
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if found = c.byKey[key]; found == nil {
		found = &heldCount{}
		c.byKey[key] = found
	}
	return found
}

// The limits of held requests, values of the metric label "answer" and ends of response details.
const (
	limitMaxPending = "max_pending"
	limitMaxTotal   = "max_total"
)

// enter counts a request that will be held, unless that would exceed a limit.
func (c *heldCounts) enter(key types.NamespacedName, maxPending int) (exceeded string) {
	if c.total.Add(1) > int64(c.options.Limits.MaxTotal) {
		c.total.Add(-1)
		return limitMaxTotal
	}
	of := c.of(key)
	of.mu.Lock()
	defer of.mu.Unlock()
	if of.held >= maxPending {
		c.total.Add(-1)
		return limitMaxPending
	}
	of.held++
	of.arrived++
	c.options.Metrics.held.Inc()
	c.options.Held(key, of.held, of.arrived)
	return ""
}

// leave counts a request that is held no more.
func (c *heldCounts) leave(key types.NamespacedName) {
	c.total.Add(-1)
	of := c.of(key)
	of.mu.Lock()
	defer of.mu.Unlock()
	of.held--
	c.options.Metrics.held.Dec()
	c.options.Held(key, of.held, of.arrived)
}

// arrived counts a request that was shown the waiting page: it is demand, but is not held.
func (c *heldCounts) arrived(key types.NamespacedName) {
	of := c.of(key)
	of.mu.Lock()
	defer of.mu.Unlock()
	of.arrived++
	c.options.Held(key, of.held, of.arrived)
}
