package scaler

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// DefaultHoldTimeout is how long a request waits for an endpoint by default, below the 60 s after
// which common load balancers give up.
const DefaultHoldTimeout = 55 * time.Second

// Defaults of how many requests are held: of one trigger, and by one replica of the controller.
const (
	DefaultMaxPending = 1000
	DefaultMaxTotal   = 10_000
)

// Scaler is one trigger in force: an HTTPScaler with what it refers to.
type Scaler struct {
	// Key is the demand key: namespace and name of the HTTPScaler.
	Key  types.NamespacedName
	Spec v1alpha1.HTTPScalerSpec
	// Gateways whose proxies may count requests for it, sorted. A number is known only when
	// the proxies of each of them are.
	Gateways []types.NamespacedName
	// Path of its requests.
	Path Path
	// WaitingPage and Maintenance are set when they are switched on.
	WaitingPage, Maintenance *Page
}

// maxLabel bounds a name in telemetry, in bytes: a KEDA trigger may have a name of any length.
const maxLabel = 253

// Labels are the names of ScaledObject and trigger for metrics and spans: that of the HTTPScaler, in place of one that is longer
// than 253 bytes or no text.
func (s *Scaler) Labels() (scaledObject, trigger string) {
	return s.label(s.Spec.ScaledObject), s.label(s.Spec.Trigger)
}

func (s *Scaler) label(name string) string {
	if len(name) > maxLabel || !utf8.ValidString(name) {
		return s.Key.Name
	}
	return name
}

// Page is an answer of the proxy's own.
type Page struct {
	Status      uint32
	Body        string
	ContentType string
	// RetryAfter in seconds; zero: no header.
	RetryAfter uint32
}

// Catalog holds the triggers in force. It is safe for concurrent use.
type Catalog struct {
	mu        sync.RWMutex
	scalers   map[types.NamespacedName]*Scaler
	observers []func(key types.NamespacedName, now *Scaler)
	complete  atomic.Bool
}

// NewCatalog returns an empty catalog.
func NewCatalog() *Catalog { return &Catalog{scalers: map[types.NamespacedName]*Scaler{}} }

// Observe has f called, under no lock and in the order of changes, with every trigger that
// came, changed or, with nil, went. It must not block, and must be called before the first Set.
func (c *Catalog) Observe(f func(key types.NamespacedName, now *Scaler)) {
	c.observers = append(c.observers, f)
}

// Set takes a trigger that came into force or changed; nil: it is gone. One goroutine calls it.
func (c *Catalog) Set(key types.NamespacedName, now *Scaler) {
	c.mu.Lock()
	if now == nil {
		delete(c.scalers, key)
	} else {
		c.scalers[key] = now
	}
	c.mu.Unlock()
	for _, f := range c.observers {
		f(key, now)
	}
}

// Get returns a trigger; nil: not in force. It must not be modified.
func (c *Catalog) Get(key types.NamespacedName) *Scaler {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.scalers[key]
}

// Counts reports whether the proxies of a gateway count for a trigger in force. What they say about any
// other demand key has no effect: a proxy holds a certificate of its Gateway, and a tenant can read it.
func (c *Catalog) Counts(gateway, key types.NamespacedName) bool {
	s := c.Get(key)
	return s != nil && s.CountedBy(gateway)
}

// CountedBy reports whether the proxies of a gateway count for the trigger.
func (s *Scaler) CountedBy(gateway types.NamespacedName) bool {
	return slices.Contains(s.Gateways, gateway)
}

// SetComplete says that every trigger that was in force when this replica started was set.
func (c *Catalog) SetComplete() { c.complete.Store(true) }

// Complete reports whether a trigger that is not in the catalog is not in force. Before, nothing is
// known about it.
func (c *Catalog) Complete() bool { return c.complete.Load() }

// Len returns how many triggers are in force.
func (c *Catalog) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.scalers)
}
