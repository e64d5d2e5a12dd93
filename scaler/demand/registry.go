package demand

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/kedify/inference-gateway/scaler"
)

const (
	// DefaultFlush is how often proxies report, see Options.Flush.
	DefaultFlush = time.Second
	// tidyInterval is how often the registry looks for what counts no more.
	tidyInterval = time.Second
)

// Options of a Registry.
type Options struct {
	// Clock of this replica. Nil: that of the machine.
	Clock clock.WithTickerAndDelayedExecution
	// Catalog says which keys are counted and how. The registry observes it, so it is to be made
	// before the first trigger is set.
	Catalog *scaler.Catalog
	// Flush is how often proxies report (stats_flush_interval of their bootstrap). Zero:
	// DefaultFlush.
	Flush time.Duration
	Log   logr.Logger
}

// Registry adds up what proxies and replicas say. It is safe for concurrent use.
type Registry struct {
	options Options
	epoch   time.Time
	began   instant
	metrics metrics
	// unplanned is the plan of keys that are not in force.
	unplanned *plan

	// mu guards the maps, not what is in them. It may be taken with the lock of a proxy or an
	// entry held, and none is taken while it is held, but to remove an entry.
	mu       sync.RWMutex
	entries  map[types.NamespacedName]*entry
	gateways map[types.NamespacedName]*gateway
	peers    map[string]*peer

	following sync.Mutex // held to change followers
	followers atomic.Pointer[[]*Follower]
}

// New returns a registry that knows nothing. Run is to be called.
func New(options Options) *Registry {
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	if options.Flush <= 0 {
		options.Flush = DefaultFlush
	}
	b := &Registry{
		options: options, epoch: options.Clock.Now().Add(-time.Duration(past)), metrics: newMetrics(),
		entries: map[types.NamespacedName]*entry{}, gateways: map[types.NamespacedName]*gateway{}, peers: map[string]*peer{},
	}
	b.began = b.now()
	b.unplanned = b.windows(0, 0)
	b.followers.Store(&[]*Follower{})
	if options.Catalog != nil {
		options.Catalog.Observe(b.observe)
	}
	return b
}

// observe takes a trigger that came, changed or went.
func (b *Registry) observe(key types.NamespacedName, now *scaler.Scaler) {
	next := b.unplanned
	if now != nil {
		next = b.newPlan(now)
	}
	e := b.locked(key)
	defer e.mu.Unlock()
	e.takePlan(next)
}

// Report takes a message of a proxy that reports to this replica. Reports of one proxy are to
// be handed over in the order in which they arrive.
func (b *Registry) Report(r Report) {
	if r.Time.IsZero() {
		r.Time = b.options.Clock.Now()
	}
	p := b.proxy(r.Proxy)
	defer p.mu.Unlock()
	s := sighting{time: r.Time.UnixMilli(), uptime: r.Uptime, started: r.Started, at: b.now()}
	if p.stale(b, s, nil) {
		b.metrics.stale.Inc()
		return
	}
	b.metrics.reports.WithLabelValues("proxy").Inc()
	st := p.begin(b, s)
	for key, counts := range r.Counts {
		p.take(&st, key, counts)
	}
	p.others(&st, true)
	p.end(&st, s, nil)
	b.tellProxy(p, false)
}

// Gone says that the stream of a proxy to this replica ended.
func (b *Registry) Gone(from Proxy) {
	p := b.known(from)
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ear != nil || p.removed {
		return // another replica hears it by now
	}
	p.leave(b.now())
	b.tellProxy(p, true)
}

// gateway returns a gateway, known or new.
func (b *Registry) gateway(key types.NamespacedName) *gateway {
	b.mu.RLock()
	g := b.gateways[key]
	b.mu.RUnlock()
	if g != nil {
		return g
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if g = b.gateways[key]; g == nil {
		g = &gateway{key: key, proxies: map[string]*proxy{}}
		b.gateways[key] = g
	}
	return g
}

// proxy returns a proxy, known or new, with its lock held.
func (b *Registry) proxy(key Proxy) *proxy {
	g := b.gateway(key.Gateway)
	for {
		g.mu.Lock()
		p := g.proxies[key.Node]
		if p == nil {
			p = &proxy{Proxy: Proxy{Gateway: g.key, Node: key.Node}, gateway: g, cells: map[types.NamespacedName]*cell{}}
			g.proxies[key.Node] = p
		}
		g.mu.Unlock()
		p.mu.Lock()
		if !p.removed {
			return p
		}
		p.mu.Unlock()
	}
}

// known returns a proxy; nil: it is not known.
func (b *Registry) known(key Proxy) *proxy {
	b.mu.RLock()
	g := b.gateways[key.Gateway]
	b.mu.RUnlock()
	if g == nil {
		return nil
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.proxies[key.Node]
}

// Run drops what counts no more, until the context ends. Without it the numbers are right all
// the same, and the memory grows.
func (b *Registry) Run(ctx context.Context) error {
	ticker := b.options.Clock.NewTicker(tidyInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
			b.tidy()
		}
	}
}

// tidy is one round of Run.
func (b *Registry) tidy() {
	now := b.now()
	for _, g := range b.allGateways() {
		if g.sight(b, now).due {
			b.settle(g, now)
		}
		b.forget(g, now)
	}
	for _, e := range b.allEntries() {
		e.mu.Lock()
		e.expire(now)
		e.tidy(now)
		if e.awake {
			_, _ = e.read(b, now) // so that it is noticed when it becomes active again
		}
		unused := e.unused()
		e.mu.Unlock()
		if unused {
			b.remove(e)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, p := range b.peers {
		if lost := instant(p.lost.Load()); lost != never && now-lost > instant(keepCounts) {
			delete(b.peers, name)
		}
	}
}

// remove removes an entry that nothing leads to.
func (b *Registry) remove(e *entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.unused() {
		e.removed = true
		delete(b.entries, e.key)
	}
}

func (b *Registry) allEntries() []*entry {
	b.mu.RLock()
	defer b.mu.RUnlock()
	all := make([]*entry, 0, len(b.entries))
	for _, e := range b.entries {
		all = append(all, e)
	}
	return all
}

func (b *Registry) allGateways() []*gateway {
	b.mu.RLock()
	defer b.mu.RUnlock()
	all := make([]*gateway, 0, len(b.gateways))
	for _, g := range b.gateways {
		all = append(all, g)
	}
	return all
}
