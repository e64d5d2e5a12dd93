package demand

import (
	"maps"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler/demand/counter"
	"github.com/kedify/inference-gateway/scaler/demand/instant"
)

// gatewayCounters is a set of proxies that count alike. It is never dropped: there are few.
type gatewayCounters struct {
	key types.NamespacedName
	// proxies by node. The map is replaced, never changed: it is read without a lock.
	proxies atomic.Pointer[map[string]*proxyCounters]
	// began is when the first proxy was seen that had counted before, an instant.Time: others
	// may still be on their way. Never: all are known.
	began atomic.Int64
}

// gateway returns a gateway, known or new.
func (r *Registry) gateway(key types.NamespacedName) *gatewayCounters {
	if g, ok := r.gateways.Load(key); ok {
		return g.(*gatewayCounters)
	}
	g := &gatewayCounters{key: key}
	g.proxies.Store(&map[string]*proxyCounters{})
	known, _ := r.gateways.LoadOrStore(key, g)
	return known.(*gatewayCounters)
}

func (r *Registry) allGateways() (all []*gatewayCounters) {
	r.gateways.Range(func(_, g any) bool {
		all = append(all, g.(*gatewayCounters))
		return true
	})
	return all
}

// coverage returns up to when the numbers of the gateway are known.
func (g *gatewayCounters) coverage(r *Registry, now instant.Time) counter.Coverage {
	tally := counter.Tally{}
	for _, p := range *g.proxies.Load() {
		tally.Add(&p.state.Load().Process, now, r.timing)
	}
	return tally.Coverage(instant.Time(g.began.Load()), now)
}

// coverages are those of gateways at one moment. The last one is kept: most keys have one gateway,
// and more than one question about it.
type coverages struct {
	registry *Registry
	now      instant.Time
	last     *gatewayCounters
	known    counter.Coverage
}

func (c *coverages) of(g *gatewayCounters) *counter.Coverage {
	if c.last != g {
		c.last, c.known = g, g.coverage(c.registry, c.now)
	}
	return &c.known
}

// baseline notes that a proxy was seen that had counted before.
func (g *gatewayCounters) baseline(at instant.Time) {
	g.began.CompareAndSwap(int64(instant.Never), int64(at))
}

// watchedSince notes that another replica has watched the proxies from a moment on.
func (g *gatewayCounters) watchedSince(at instant.Time) {
	for {
		began := g.began.Load()
		if began <= int64(at) || g.began.CompareAndSwap(began, int64(at)) {
			return
		}
	}
}

// change replaces the proxies.
func (g *gatewayCounters) change(by func(map[string]*proxyCounters)) {
	for {
		last := g.proxies.Load()
		next := maps.Clone(*last)
		by(next)
		if g.proxies.CompareAndSwap(last, &next) {
			return
		}
	}
}

// proxy returns a proxy; nil: it is not known.
func (r *Registry) proxy(key Proxy) *proxyCounters {
	g, ok := r.gateways.Load(key.Gateway)
	if !ok {
		return nil
	}
	return (*g.(*gatewayCounters).proxies.Load())[key.Node]
}

// MaxProxies is how many proxies of one gateway a registry remembers, those that are gone included. A client with the
// certificate of a Gateway can make up as many as it likes.
const MaxProxies = 4096

// lockedProxy returns a proxy, known or new, with its lock held; nil: the gateway has too many.
func (r *Registry) lockedProxy(key Proxy) *proxyCounters {
	g := r.gateway(key.Gateway)
	for {
		p := (*g.proxies.Load())[key.Node]
		if p == nil {
			if p = r.newProxy(g, key.Node); p == nil {
				r.metrics.tooMany.Inc()
				return nil
			}
		}
		p.mu.Lock()
		if !p.removed {
			return p
		}
		p.mu.Unlock()
	}
}

// newProxy adds a proxy, unless there is one by now; nil: the gateway has too many.
func (r *Registry) newProxy(g *gatewayCounters, node string) (p *proxyCounters) {
	if len(*g.proxies.Load()) >= MaxProxies {
		r.evict(g)
	}
	made := newProxyCounters(g, node, r.proxies.Add(1))
	g.change(func(proxies map[string]*proxyCounters) {
		if p = proxies[node]; p == nil && len(proxies) < MaxProxies {
			p, proxies[node] = made, made
		}
	})
	return p
}

// evict forgets the proxy whose stream ended first. Should it come back, its requests are counted from then on.
func (r *Registry) evict(g *gatewayCounters) {
	var oldest *proxyCounters
	var since instant.Time
	for _, p := range *g.proxies.Load() {
		if gone := p.state.Load().Gone; gone != instant.Never && (oldest == nil || gone < since) {
			oldest, since = p, gone
		}
	}
	if oldest != nil {
		oldest.evict(since)
	}
}
