package publish

import (
	"errors"
	"sync"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/go-logr/logr"

	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/stage"
)

// ErrForgotten ends the sessions of a gateway that was deleted.
var ErrForgotten = errors.New("gateway was deleted")

// Defaults of Options.
const (
	DefaultWarmBudget  = 2 * time.Second
	DefaultRemoveGrace = 30 * time.Second
)

// Options configure a Publisher. The zero value is usable.
type Options struct {
	// WarmBudget is how long a route waits for its clusters to become warm before it is
	// sent without them, and counted. Zero: DefaultWarmBudget.
	WarmBudget time.Duration
	// RemoveGrace is how long a cluster outlives the last route that named it: a request
	// that was routed and waits in a picker or hold looks its cluster up late. Zero:
	// DefaultRemoveGrace; negative: none.
	RemoveGrace time.Duration
	// Clock defaults to the time of the machine.
	Clock Clock
	// Log is where the publisher reports rejections and connections. The zero value
	// discards.
	Log logr.Logger
	// OnDelivery is called, outside of all locks and one call per gateway at a time, when
	// the Delivery of a gateway changed. Changes that follow each other quickly are
	// reported once.
	OnDelivery func(Delivery)
	// OnAccepted is called when a proxy came or went, and when it accepted a version of a resource
	// with ReportACKs or no longer has one. The calls are made outside of all locks, one per gateway
	// at a time and in the order of events. OnAccepted may call the Publisher, and may take locks
	// that are held during calls of the Publisher.
	OnAccepted func(Acceptance)
	// OnRejected is called at once when a proxy refuses what is desired, in one order with the calls of
	// OnAccepted and under the same rules.
	OnRejected func(ir.Key, Rejection)
	// Metrics counts; nil: nothing is exported.
	Metrics *Metrics
}

var _ stage.Stage = (*Publisher)(nil)

// Publisher holds the desired resources of all gateways and the sessions of their proxies.
type Publisher struct {
	warmBudget  time.Duration
	removeGrace time.Duration
	clock       Clock
	log         logr.Logger
	onDelivery  func(Delivery)
	onAccepted  func(Acceptance)
	onRejected  func(ir.Key, Rejection)
	metrics     *Metrics

	mu       sync.Mutex
	gateways map[ir.Key]*gatewayState
}

// New returns an empty Publisher.
func New(options Options) *Publisher {
	p := &Publisher{
		warmBudget:  options.WarmBudget,
		removeGrace: options.RemoveGrace,
		clock:       options.Clock,
		log:         options.Log,
		onDelivery:  options.OnDelivery,
		onAccepted:  options.OnAccepted,
		onRejected:  options.OnRejected,
		metrics:     options.Metrics,
		gateways:    map[ir.Key]*gatewayState{},
	}
	if p.warmBudget == 0 {
		p.warmBudget = DefaultWarmBudget
	}
	if p.removeGrace == 0 {
		p.removeGrace = DefaultRemoveGrace
	}
	if p.clock == nil {
		p.clock = WallClock()
	}
	if p.metrics == nil {
		p.metrics = NewMetrics()
	}
	return p
}

// tell calls a receiver of Options. What panics in it ends neither the session nor the next call.
func (p *Publisher) tell(key ir.Key, call func()) {
	if err := contain.Do(call); err != nil {
		contain.Log(p.log, err, "A report was not taken", "gateway", key.String())
	}
}

// gateway returns the gateway of a key and makes it when there is none.
func (p *Publisher) gateway(key ir.Key) *gatewayState {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := p.gateways[key]
	if !ok {
		g = newGatewayState(p, key)
		p.gateways[key] = g
	}
	return g
}

// Knows reports whether the gateway was applied and not forgotten since.
func (p *Publisher) Knows(key ir.Key) bool { return p.existing(key) != nil }

func (p *Publisher) existing(key ir.Key) *gatewayState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gateways[key]
}

// Apply changes what the proxies of a gateway should have. It never waits for a proxy. The
// bodies belong to the publisher from now on and must not be modified.
func (p *Publisher) Apply(key ir.Key, change resource.Change) {
	p.gateway(key).apply(change)
}

// Ready says that the first complete state of a gateway was applied. Streams that were
// opened before wait for it, so that a restarted control plane never serves half a world.
func (p *Publisher) Ready(key ir.Key) {
	g := p.gateway(key)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ready {
		return
	}
	g.ready = true
	for s := range g.sessions {
		s.replay()
	}
	g.reportSoon()
}

// Forget drops a gateway that was deleted and ends the sessions of its proxies with
// ErrForgotten.
func (p *Publisher) Forget(key ir.Key) {
	p.mu.Lock()
	g, ok := p.gateways[key]
	delete(p.gateways, key)
	p.mu.Unlock()
	if !ok {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gone = true
	for s := range g.sessions {
		s.end(ErrForgotten)
	}
	p.metrics.forget(key)
}

// Connect opens the session of a proxy that opened a stream. send is called by one goroutine
// at a time and may block; its error ends the session.
func (p *Publisher) Connect(key ir.Key, node string, send func(*discovery.DeltaDiscoveryResponse) error) *Session {
	g := p.gateway(key)
	s := newSession(g, node, send)
	g.mu.Lock()
	g.serial++
	s.serial = g.serial
	g.sessions[s] = struct{}{}
	s.announceStream(false)
	p.metrics.connected(key, len(g.sessions))
	g.reportSoon()
	switch {
	case g.gone:
		s.end(ErrForgotten)
	case len(g.sessions) > maxSessions:
		s.end(ErrTooManySessions)
	}
	g.mu.Unlock()
	go s.write()
	return s
}
