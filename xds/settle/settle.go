package settle

import (
	"strings"
	"sync"
	"time"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/proto"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/stage"
)

// DefaultDelay is ten times what the reference picker was seen to need at most.
const DefaultDelay = 400 * time.Millisecond

// Options of a Stage. Zero values take the defaults.
type Options struct {
	Next  stage.Stage
	Delay time.Duration
	// Clock defaults to the time of the machine.
	Clock publish.Clock
}

var _ stage.Stage = (*Stage)(nil)

// Stage is the delay between the engine and the publisher.
type Stage struct {
	options Options

	mu          sync.Mutex
	assignments map[id]*assignment
}

// id is one ClusterLoadAssignment of one gateway.
type id struct {
	gateway ir.Key
	name    string
}

// assignment is what is wanted of one name, and since when each of its endpoints is.
type assignment struct {
	wanted resource.Resource
	since  map[string]time.Time // by address; zero: needs no rest
	timer  publish.Timer
}

// New returns a stage in front of Options.Next.
func New(options Options) *Stage {
	if options.Delay == 0 {
		options.Delay = DefaultDelay
	}
	if options.Clock == nil {
		options.Clock = publish.WallClock()
	}
	return &Stage{options: options, assignments: map[id]*assignment{}}
}

// Apply passes a change on, without the endpoints that have to rest.
func (s *Stage) Apply(gateway ir.Key, change resource.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range change.Remove {
		s.forget(id{gateway, key.Name}, key.Type)
	}
	for i, r := range change.Upsert {
		if r.Type == resource.Endpoint && strings.HasSuffix(r.Name, "/open") {
			change.Upsert[i] = s.take(id{gateway, r.Name}, r)
		}
	}
	s.options.Next.Apply(gateway, change)
}

// Ready passes on.
func (s *Stage) Ready(gateway ir.Key) { s.options.Next.Ready(gateway) }

// Forget passes on.
func (s *Stage) Forget(gateway ir.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for known := range s.assignments {
		if known.gateway == gateway {
			s.forget(known, resource.Endpoint)
		}
	}
	s.options.Next.Forget(gateway)
}

func (s *Stage) forget(known id, kind resource.Type) {
	if a := s.assignments[known]; a != nil && kind == resource.Endpoint {
		a.stop()
		delete(s.assignments, known)
	}
}

// take notes what is wanted and returns what of it may be published now.
func (s *Stage) take(known id, wanted resource.Resource) resource.Resource {
	a := s.assignments[known]
	first := a == nil
	if first {
		a = &assignment{}
		s.assignments[known] = a
	}
	since := map[string]time.Time{}
	for _, address := range addresses(wanted) {
		before, there := a.since[address]
		if !there && !first {
			before = s.options.Clock.Now()
		}
		since[address] = before
	}
	a.wanted, a.since = wanted, since
	return s.rested(known, a)
}

// rested returns what may be published, and comes back when more may be.
func (s *Stage) rested(known id, a *assignment) resource.Resource {
	a.stop()
	now, next := s.options.Clock.Now(), time.Duration(0)
	resting := map[string]bool{}
	for address, since := range a.since {
		if left := since.Add(s.options.Delay).Sub(now); !since.IsZero() && left > 0 {
			resting[address] = true
			if next == 0 || left < next {
				next = left
			}
		}
	}
	if len(resting) == 0 {
		return a.wanted
	}
	a.timer = s.options.Clock.AfterFunc(next, func() { s.wake(known, a) })
	return without(a.wanted, resting)
}

// wake publishes an assignment again, after a rest.
func (s *Stage) wake(known id, a *assignment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.assignments[known] != a {
		return
	}
	s.options.Next.Apply(known.gateway, resource.Change{Upsert: []resource.Resource{s.rested(known, a)}})
}

func (a *assignment) stop() {
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
}

// decode reads an assignment that this program has rendered; a body that cannot be read has no
// endpoints, and so nothing to delay.
func decode(r resource.Resource) *endpointv3.ClusterLoadAssignment {
	message := &endpointv3.ClusterLoadAssignment{}
	if proto.Unmarshal(r.Body, message) != nil {
		return &endpointv3.ClusterLoadAssignment{}
	}
	return message
}

func addresses(r resource.Resource) (found []string) {
	for _, locality := range decode(r).GetEndpoints() {
		for _, endpoint := range locality.GetLbEndpoints() {
			found = append(found, addressOf(endpoint))
		}
	}
	return found
}

func addressOf(endpoint *endpointv3.LbEndpoint) string {
	return endpoint.GetEndpoint().GetAddress().String()
}

// without returns the assignment without some of its endpoints.
func without(r resource.Resource, resting map[string]bool) resource.Resource {
	message := decode(r)
	for _, locality := range message.GetEndpoints() {
		kept := locality.GetLbEndpoints()[:0]
		for _, endpoint := range locality.GetLbEndpoints() {
			if !resting[addressOf(endpoint)] {
				kept = append(kept, endpoint)
			}
		}
		locality.LbEndpoints = kept
	}
	if fewer, err := resource.New(r.Type, r.Name, message, r.Clusters, r.Sources...); err == nil {
		return fewer
	}
	return r
}
