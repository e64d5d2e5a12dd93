package demand

import (
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// keepActive is how long requests in flight in a proxy that is gone still count: a stream
	// that breaks is back within one flush.
	keepActive = 2 * time.Second
	// lastGood is how long the last numbers of a gateway count after all of its proxies are
	// gone or silent.
	lastGood = 15 * time.Second
	// keepCounts is how long a proxy that is gone may come back and be counted on from where
	// it was.
	keepCounts = 10 * time.Minute
	// gathering is how long the proxies of a gateway may take to find a control plane that
	// was away: the longest pause of Envoy between two attempts (3 s) and one flush.
	gathering = 4 * time.Second
)

// gateway is a set of proxies that count alike. Gateways are never dropped: there are few.
type gateway struct {
	key types.NamespacedName

	mu      sync.RWMutex
	proxies map[string]*proxy // by node
	// began is when the first proxy was seen that had counted before: its siblings may still
	// be on their way. never: all are known.
	began instant
}

// sight is what is known about a gateway at a moment.
type sight struct {
	// asOf is until when the numbers are good; never: nothing is known.
	asOf instant
	// frozen: no proxy is heard, and asOf is the last that they said.
	frozen bool
	// due: a proxy is gone for so long that its requests in flight are to be dropped.
	due bool
	// why says what is missing when asOf is never.
	why string
}

// all returns its proxies.
func (g *gateway) all() []*proxy {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return slices.AppendSeq(make([]*proxy, 0, len(g.proxies)), maps.Values(g.proxies))
}

// silence is how long a proxy may be silent before it counts as gone: three flushes.
func (b *Registry) silence() instant { return instant(3 * b.options.Flush) }

// sight looks at the proxies.
func (g *gateway) sight(b *Registry, now instant) (s sight) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	heard, measured, due, newest := false, false, false, never
	for _, p := range g.proxies {
		hears := p.heard(b, now)
		heard = heard || hears
		measured = measured || hears && p.measured
		due = due || !p.dropped && p.deadline(b) <= now
		if p.measured {
			newest = max(newest, p.last)
		}
	}
	switch {
	case measured && g.gathered(now):
		s.asOf = now
	case newest != never && g.gathered(newest) && now-newest <= instant(lastGood):
		s.asOf, s.frozen = newest, true
	default:
		s.why = g.missing(heard)
	}
	// While the last numbers count, they stay as they are.
	s.due = due && (heard || s.asOf == never)
	return s
}

// gathered reports whether the proxies had the time to find this registry by then.
func (g *gateway) gathered(at instant) bool {
	return g.began == never || at-g.began >= instant(gathering)
}

func (g *gateway) missing(heard bool) string {
	switch {
	case len(g.proxies) == 0:
		return "no proxy has reported"
	case heard:
		return "its proxies have just begun to report"
	default:
		return "its proxies are silent"
	}
}

// settle drops the requests in flight of proxies that are gone, unless the last numbers of
// the gateway still count.
func (b *Registry) settle(g *gateway, now instant) {
	g.mu.RLock()
	var due []*proxy
	for _, p := range g.proxies {
		if !p.dropped && p.deadline(b) <= now {
			due = append(due, p)
		}
	}
	g.mu.RUnlock()
	for _, p := range due {
		p.drop(b, now)
	}
}

// forget drops proxies that will not come back.
func (b *Registry) forget(g *gateway, now instant) {
	g.mu.Lock()
	var gone []*proxy
	for node, p := range g.proxies {
		if p.dropped && now-p.last > instant(keepCounts) {
			delete(g.proxies, node)
			gone = append(gone, p)
		}
	}
	g.mu.Unlock()
	for _, p := range gone {
		p.release()
	}
}
