package pickerdelay

import (
	"sync"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/stage"
)

// DefaultDelay is ten times what the reference picker needed at most.
const DefaultDelay = 400 * time.Millisecond

// Options of a Stage. Zero values take the defaults.
type Options struct {
	Next  stage.Stage
	Delay time.Duration
	// Clock defaults to the time of the machine.
	Clock publish.Clock
}

var _ stage.Stage = (*Stage)(nil)

// Stage is the delay between the engine and the next stage.
type Stage struct {
	options Options

	mu       sync.Mutex
	gateways map[ir.Key]*gatewayPickers
}

// New returns a stage in front of Options.Next.
func New(options Options) *Stage {
	if options.Delay == 0 {
		options.Delay = DefaultDelay
	}
	if options.Clock == nil {
		options.Clock = publish.WallClock()
	}
	return &Stage{options: options, gateways: map[ir.Key]*gatewayPickers{}}
}

// Apply passes a change on, without the endpoints that are delayed.
func (s *Stage) Apply(gateway ir.Key, change resource.Change) { s.pickers(gateway).apply(change) }

// Ready passes on.
func (s *Stage) Ready(gateway ir.Key) { s.options.Next.Ready(gateway) }

// Forget passes on, and ends the delays of the gateway.
func (s *Stage) Forget(gateway ir.Key) {
	s.mu.Lock()
	found := s.gateways[gateway]
	delete(s.gateways, gateway)
	s.mu.Unlock()
	if found != nil {
		found.forget()
	}
	s.options.Next.Forget(gateway)
}

func (s *Stage) pickers(gateway ir.Key) *gatewayPickers {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.gateways[gateway]
	if found == nil {
		found = &gatewayPickers{options: &s.options, gateway: gateway, assignments: map[string]*assignment{}}
		s.gateways[gateway] = found
	}
	return found
}
