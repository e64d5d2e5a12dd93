package isolate

import (
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/stage"
)

// answerTime is how long all proxies of a gateway have to answer a trial. After it, those that did decide.
const answerTime = time.Second

// searchTime is how long a trial waits for its first answer of a connected proxy. After it the search ends with nothing found.
const searchTime = 5 * time.Second

// Options of a Stage.
type Options struct {
	Next stage.Stage
	// Accepted returns what the proxies have of a resource: publish.Publisher.Accepted.
	Accepted func(ir.Key, resource.Key) map[string]publish.ACKState
	// Suspected returns the form that a rule of an object had because it was refused before, as far as anything tells, and
	// resource.Whole for others; nil: no rule was refused. A search tries these rules first. It withholds the same rules
	// with any answer of Suspected. It is called with locks held, once for each part of a refused table.
	Suspected func(object ir.Source, rule string) resource.Form
	// Report takes what the proxies of a gateway have: a Delivery of the publisher without trials, and with the withheld
	// rules in place of the tables that they were in. It is called by one goroutine per gateway at a time.
	Report func(publish.Delivery)
	// Clock defaults to the time of the machine.
	Clock publish.Clock
	Log   logr.Logger
}

var _ stage.Stage = (*Stage)(nil)

// Stage is the search for refused rules in front of the next stage.
type Stage struct {
	options Options

	mu       sync.Mutex
	gateways map[ir.Key]*gateway
}

// New returns a stage in front of Options.Next.
func New(options Options) *Stage {
	if options.Clock == nil {
		options.Clock = publish.WallClock()
	}
	return &Stage{options: options, gateways: map[ir.Key]*gateway{}}
}

// Apply passes a change on, without what is known to be refused.
func (s *Stage) Apply(key ir.Key, change resource.Change) { s.gateway(key).apply(change) }

// Ready passes on.
func (s *Stage) Ready(key ir.Key) { s.options.Next.Ready(key) }

// Forget passes on, and ends the searches of the gateway.
func (s *Stage) Forget(key ir.Key) {
	s.mu.Lock()
	found := s.gateways[key]
	delete(s.gateways, key)
	s.mu.Unlock()
	if found != nil {
		found.forget()
	}
	s.options.Next.Forget(key)
}

// Accepted takes an acceptance of the publisher: publish.Options.OnAccepted.
func (s *Stage) Accepted(change publish.Acceptance) {
	if g := s.existing(change.Gateway); g != nil {
		g.accepted(change.Key, change.Gone)
	}
}

// Rejected takes a rejection of the publisher: publish.Options.OnRejected.
func (s *Stage) Rejected(key ir.Key, rejection publish.Rejection) {
	if g := s.existing(key); g != nil {
		g.rejected(rejection)
	}
}

// Delivered takes what the proxies of this replica have, publish.Options.OnDelivery, and has it reported.
func (s *Stage) Delivered(delivery publish.Delivery) {
	if g := s.existing(delivery.Gateway); g != nil {
		g.delivered(delivery)
		return
	}
	s.options.Report(delivery)
}

// Learn takes what all replicas withhold, so that a proxy which comes to this one is not sent what those of others refuse.
func (s *Stage) Learn(delivery publish.Delivery) {
	if g := s.existing(delivery.Gateway); g != nil {
		if err := contain.Do(func() { g.learn(delivery.Rejected) }); err != nil {
			contain.Log(s.options.Log, err, "What other replicas withhold was not taken", "gateway", delivery.Gateway.String())
		}
	}
}

func (s *Stage) existing(key ir.Key) *gateway {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gateways[key]
}

func (s *Stage) gateway(key ir.Key) *gateway {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.gateways[key]
	if found == nil {
		found = &gateway{
			options: &s.options, key: key, tables: map[string]*table{}, partial: map[*table]struct{}{},
			trials: map[string]*asked{}, withheld: map[string]withheldPart{},
		}
		s.gateways[key] = found
	}
	return found
}
