package publish

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
)

// reportDelay is how long changes of a Delivery are gathered: an edit makes every proxy lag
// behind for the time of a round trip, and that is not to be reported.
const reportDelay = 25 * time.Millisecond

// Delivery is what the proxies of a gateway have: the feedback for status.
type Delivery struct {
	Gateway ir.Key `json:"gateway"`
	// Connected counts the proxies with an open stream.
	Connected int `json:"connected"`
	// Listeners says of every desired listener, by resource name, whether a connected proxy
	// accepted its desired version and none refused it.
	Listeners map[string]bool `json:"listeners"`
	// Versions are the desired versions of the same listeners. Replicas that desire the same
	// may add up what their proxies accepted.
	Versions map[string]string `json:"versions"`
	// Synced: there are proxies, and all of them accepted everything that is desired.
	Synced bool `json:"synced"`
	// Rejected is sorted by resource.
	Rejected []Rejection `json:"rejected,omitempty"`
}

// deliveryReport is what OnDelivery was told about a gateway, and whether a goroutine is about to tell more.
type deliveryReport struct {
	told    Delivery
	ever    bool
	pending bool // a timer or a goroutine will look again
	dirty   bool // changed while being told
}

// Delivery returns what the proxies of a gateway have now.
func (p *Publisher) Delivery(key ir.Key) Delivery {
	g := p.existing(key)
	if g == nil {
		return Delivery{Gateway: key, Listeners: map[string]bool{}}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.delivery()
}

func (g *gatewayState) delivery() Delivery {
	d := Delivery{
		Gateway:   g.key,
		Connected: len(g.sessions),
		Listeners: make(map[string]bool, g.desired[listener]),
		Versions:  make(map[string]string, g.desired[listener]),
		Synced:    g.synced(),
	}
	for name, e := range g.resources[listener] {
		if e.desired != nil {
			d.Listeners[name] = e.acked > 0 && e.rejection == nil
			d.Versions[name] = e.desired.version
		}
	}
	for e := range g.quarantined {
		d.Rejected = append(d.Rejected, *e.rejection)
	}
	slices.SortFunc(d.Rejected, func(a, b Rejection) int {
		if by := strings.Compare(string(a.Resource.Type), string(b.Resource.Type)); by != 0 {
			return by
		}
		return strings.Compare(a.Resource.Name, b.Resource.Name)
	})
	return d
}

func (g *gatewayState) synced() bool {
	if len(g.sessions) == 0 || len(g.quarantined) > 0 || !g.ready {
		return false
	}
	for s := range g.sessions {
		if !s.synced() {
			return false
		}
	}
	return true
}

func (s *Session) synced() bool {
	return s.behind == 0 && s.subscribed()
}

// subscribed reports whether the proxy asked for every kind that it is to have all of.
func (s *Session) subscribed() bool {
	for k := range kinds {
		if k.wildcard() && s.gateway.desired[k] > 0 && !s.subscriptions[k].seen {
			return false
		}
	}
	return true
}

// reportSoon has OnDelivery called soon, when there is something to tell.
func (g *gatewayState) reportSoon() {
	if g.publisher.onDelivery == nil {
		return
	}
	if g.reporting.pending {
		g.reporting.dirty = true
		return
	}
	if !g.changed() {
		return
	}
	g.reporting.pending = true
	g.publisher.clock.AfterFunc(reportDelay, g.report)
}

// report calls OnDelivery with what is true by now. One report per gateway runs at a time.
func (g *gatewayState) report() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reporting.dirty = false
	current := g.delivery()
	if !g.reporting.ever || !equalDelivery(current, g.reporting.told) {
		g.reporting.told, g.reporting.ever = current, true
		g.mu.Unlock()
		g.publisher.tell(g.key, func() { g.publisher.onDelivery(current) })
		g.mu.Lock()
	}
	g.reporting.pending = false
	if g.reporting.dirty {
		g.reportSoon()
	}
}

// changed is the cheap check whether a report could be due: it runs on every ACK.
func (g *gatewayState) changed() bool {
	told := &g.reporting.told
	if !g.reporting.ever || (told.Connected > 0) != (len(g.sessions) > 0) || told.Synced != g.synced() ||
		len(told.Rejected) != len(g.quarantined) || len(told.Listeners) != g.desired[listener] {
		return true
	}
	for _, r := range told.Rejected {
		e, ok := g.resources[kindsByType[r.Resource.Type]][r.Resource.Name]
		if !ok || e.rejection == nil || e.rejection.Version != r.Version {
			return true
		}
	}
	return g.changedListeners()
}

// changedListeners reports whether a listener is not as it was told.
func (g *gatewayState) changedListeners() bool {
	told := &g.reporting.told
	for name, was := range told.Listeners {
		e, ok := g.resources[listener][name]
		if !ok || e.desired == nil || e.desired.version != told.Versions[name] || was != (e.acked > 0 && e.rejection == nil) {
			return true
		}
	}
	return false
}

// equalDelivery compares what status cares for: how many proxies are connected beyond the
// first is not reported.
func equalDelivery(a, b Delivery) bool {
	return (a.Connected > 0) == (b.Connected > 0) &&
		a.Synced == b.Synced &&
		maps.Equal(a.Listeners, b.Listeners) &&
		maps.Equal(a.Versions, b.Versions) &&
		slices.EqualFunc(a.Rejected, b.Rejected, func(x, y Rejection) bool {
			return x.Resource == y.Resource && x.Version == y.Version
		})
}
