package hold

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/hold/places"
)

// heldCounts counts held requests, over all gateways of this replica, and limits them.
type heldCounts struct {
	options *Options
	places  *places.Places
	memory  *places.Memory

	mu    sync.RWMutex
	byKey map[types.NamespacedName]*heldCount
	// arrived of a key that was forgotten and comes back begins here, because it may not go back.
	arrived uint64
}

// heldCount counts the requests of one demand key. Those of a gateway that does not count for the key, as far as
// is known, are held and are no demand.
type heldCount struct {
	mu        sync.Mutex
	forgotten bool // there may be another one of the key
	// byGateway has no zeros.
	byGateway map[types.NamespacedName]int
	reserved  int // of them, in places of the reserve
	// told is how many of them are demand, arrived how many ever were, with those that were shown the
	// waiting page.
	told    int
	arrived uint64
	ended   Ended
}

// Ended is what became of the requests of one trigger that could not pass when a proxy asked this replica about them.
type Ended struct {
	// Released requests went to the application after a wait; Waited is the sum of their waits.
	Released uint64
	Waited   time.Duration
	// Failed requests were answered 503 or 504 by the product: their wait was over, the backend was withdrawn or its
	// target is paused at zero, or a limit of held requests was reached.
	Failed uint64
}

// Ended returns what became of the requests of a trigger at this replica.
func (g *Gate) Ended(key types.NamespacedName) Ended { return g.counts.ended(key) }

func newHeldCounts(options *Options) *heldCounts {
	return &heldCounts{
		options: options, places: places.New(options.Limits.MaxTotal), memory: places.NewMemory(), byKey: map[types.NamespacedName]*heldCount{},
	}
}

// locked returns the count of a key, known or new, with its lock held.
func (c *heldCounts) locked(key types.NamespacedName) *heldCount {
	for {
		of := c.existing(key)
		if of == nil {
			of = c.add(key)
		}
		of.mu.Lock()
		if !of.forgotten {
			return of
		}
		of.mu.Unlock()
	}
}

func (c *heldCounts) existing(key types.NamespacedName) *heldCount {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.byKey[key]
}

// add adds the count of a key, unless there is one by now.
func (c *heldCounts) add(key types.NamespacedName) *heldCount {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey[key] == nil {
		c.byKey[key] = &heldCount{byGateway: map[types.NamespacedName]int{}, arrived: c.arrived}
	}
	return c.byKey[key]
}

// forget drops the count of a key that no trigger has. Its lock is held.
func (c *heldCounts) forget(key types.NamespacedName, of *heldCount) {
	if len(of.byGateway) > 0 || c.options.Catalog.Get(key) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	of.forgotten = true
	c.arrived = max(c.arrived, of.arrived)
	delete(c.byKey, key)
}

// The limits of held requests, values of the metric label "answer" and ends of response details.
const (
	limitMaxPending = "max_pending"
	limitMaxTotal   = "max_total"
	limitMaxMemory  = "max_memory"
)

// taken is what a held request has, until it leaves.
type taken struct {
	place places.Place
	space places.Space
}

// enter counts a request that will be held, unless that would exceed a limit.
func (c *heldCounts) enter(asked *call, maxPending int) (at taken, exceeded string) {
	s := &asked.subject
	of := c.locked(s.demand)
	defer of.mu.Unlock()
	counts := c.options.Catalog.Counts(s.gateway, s.demand)
	tenant, held := s.gateway.Namespace, of.byGateway[s.gateway]
	if counts {
		tenant, held = s.demand.Namespace, of.told
	}
	if held >= maxPending {
		c.forget(s.demand, of)
		return at, limitMaxPending
	}
	var found bool
	if at.place, found = c.places.Take(tenant, counts && of.reserved < places.ReservedPerKey); !found {
		c.forget(s.demand, of)
		return at, limitMaxTotal
	}
	if at.space, found = c.memory.Take(asked.proxy(), tenant, asked.space(), asked.room()); !found {
		c.places.Leave(at.place)
		c.forget(s.demand, of)
		return at, limitMaxMemory
	}
	if at.place.Reserved {
		of.reserved++
	}
	of.byGateway[s.gateway]++
	c.options.Metrics.held.Inc()
	of.tell(c.options, s.demand)
	return at, ""
}

// leave counts a request that is held no more.
func (c *heldCounts) leave(s *subject, at taken) {
	of := c.locked(s.demand)
	defer of.mu.Unlock()
	c.places.Leave(at.place)
	c.memory.Leave(at.space)
	if at.place.Reserved {
		of.reserved--
	}
	of.byGateway[s.gateway]--
	if of.byGateway[s.gateway] == 0 {
		delete(of.byGateway, s.gateway)
	}
	c.options.Metrics.held.Dec()
	of.tell(c.options, s.demand)
	c.forget(s.demand, of)
}

// shown counts a request that was shown the waiting page: it is demand, but is not held.
func (c *heldCounts) shown(key types.NamespacedName) {
	of := c.locked(key)
	defer of.mu.Unlock()
	of.arrived++
	c.options.Held(key, of.told, of.arrived)
	c.forget(key, of)
}

// released counts a request of a trigger in force that passed after a wait.
func (c *heldCounts) released(key types.NamespacedName, waited time.Duration) {
	of := c.locked(key)
	defer of.mu.Unlock()
	of.ended.Released++
	of.ended.Waited += waited
	c.forget(key, of)
}

// failed counts a request of a trigger in force that the product answered with an error.
func (c *heldCounts) failed(key types.NamespacedName) {
	of := c.locked(key)
	defer of.mu.Unlock()
	of.ended.Failed++
	c.forget(key, of)
}

// ended returns what became of the requests of a trigger.
func (c *heldCounts) ended(key types.NamespacedName) Ended {
	of := c.existing(key)
	if of == nil {
		return Ended{}
	}
	of.mu.Lock()
	defer of.mu.Unlock()
	return of.ended
}

// triggered is called when a trigger changed: other gateways may count for it.
func (c *heldCounts) triggered(key types.NamespacedName) {
	of := c.existing(key)
	if of == nil {
		return
	}
	of.mu.Lock()
	defer of.mu.Unlock()
	if !of.forgotten {
		of.tell(c.options, key)
		c.forget(key, of)
	}
}

// tell tells how many requests are held by gateways that count for the key, if that changed.
func (of *heldCount) tell(options *Options, key types.NamespacedName) {
	held := 0
	if s := options.Catalog.Get(key); s != nil {
		for _, gateway := range s.Gateways {
			held += of.byGateway[gateway]
		}
	}
	if held == of.told {
		return
	}
	of.arrived += uint64(max(held-of.told, 0))
	of.told = held
	options.Held(key, held, of.arrived)
}
