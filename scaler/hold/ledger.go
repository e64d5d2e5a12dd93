package hold

import (
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"
)

// ledger counts what waits, over all gateways of this replica.
type ledger struct {
	options *Options
	total   atomic.Int64

	mu       sync.RWMutex
	accounts map[types.NamespacedName]*account
}

// account is what waits, and what ever did, for one demand key. It stays: what ever arrived may
// not begin again at zero.
type account struct {
	key types.NamespacedName

	mu      sync.Mutex
	held    int
	arrived uint64
}

func newLedger(options *Options) *ledger {
	return &ledger{options: options, accounts: map[types.NamespacedName]*account{}}
}

func (l *ledger) account(key types.NamespacedName) *account {
	l.mu.RLock()
	found := l.accounts[key]
	l.mu.RUnlock()
	if found != nil {
		return found
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if found = l.accounts[key]; found == nil {
		found = &account{key: key}
		l.accounts[key] = found
	}
	return found
}

// Why a request may not wait, the values of the metric label "reason".
const (
	tooManyOfKey = "max_pending"
	tooMany      = "max_total"
)

// enter counts a request that will wait, unless there are too many.
func (l *ledger) enter(key types.NamespacedName, most int) (refused string) {
	if l.total.Add(1) > int64(l.options.Limits.MaxTotal) {
		l.total.Add(-1)
		return tooMany
	}
	a := l.account(key)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held >= most {
		l.total.Add(-1)
		return tooManyOfKey
	}
	a.held++
	a.arrived++
	l.options.Metrics.held.Inc()
	l.options.Held(key, a.held, a.arrived)
	return ""
}

// leave counts a request that waits no more.
func (l *ledger) leave(key types.NamespacedName) {
	l.total.Add(-1)
	a := l.account(key)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held--
	l.options.Metrics.held.Dec()
	l.options.Held(key, a.held, a.arrived)
}

// arrived counts a request that was shown the waiting page: it does not wait, but it is demand.
func (l *ledger) arrived(key types.NamespacedName) {
	a := l.account(key)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.arrived++
	l.options.Held(key, a.held, a.arrived)
}
