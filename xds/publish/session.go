package publish

import (
	"errors"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"github.com/kedify/inference-gateway/internal/contain"
)

// ErrClosed is the end of a session that was closed on purpose.
var ErrClosed = errors.New("session closed")

// Session is the state machine of one stream of one proxy. All fields below gateway are
// guarded by the mutex of the gateway.
type Session struct {
	gateway *gatewayState
	node    string
	send    func(*discovery.DeltaDiscoveryResponse) error
	// wake has the writer look for work; done is closed when the writer is gone.
	wake, done chan struct{}

	closed  bool
	failure error
	since   time.Time
	serial  uint64 // grows with every session of the gateway

	subscriptions [kinds]subscription
	records       map[*resourceState]*record
	// backlog are requests that came before the gateway was ready, awaiting their size in bytes.
	backlog  []*discovery.DeltaDiscoveryRequest
	awaiting int
	unknown  int // names that the gateway did not have, see maxUnknownNames

	nonce     uint64
	responses map[uint64]*response // sent and not answered
	upserts   [kinds]sendList
	removals  [kinds]sendList
	// followers go out before anything else: the endpoints of clusters that were just sent
	// and the route configurations of scopes that were just sent.
	followers [kinds]sendList
	// absent are answers to subscriptions of types that the product does not serve.
	absent []absence

	blocked map[*record]struct{} // waits for warm clusters
	leaving map[*record]struct{} // waits to be removable
	foreign [kinds]int           // revisions of unknown content that the proxy has
	// progress is when the proxy last accepted endpoints: while it does, it is warming.
	progress time.Time
	behind   int

	alarms  alarms
	timer   Timer
	timerAt time.Time
}

// subscription is what a proxy asked for of one kind.
type subscription struct {
	seen     bool // a request of the kind came
	wildcard bool
	answered bool // a response of the kind was sent
	inFlight int  // responses that were not answered
}

func newSession(g *gatewayState, node string, send func(*discovery.DeltaDiscoveryResponse) error) *Session {
	return &Session{
		gateway:   g,
		node:      node,
		send:      send,
		wake:      make(chan struct{}, 1),
		done:      make(chan struct{}),
		since:     g.publisher.clock.Now(),
		records:   map[*resourceState]*record{},
		responses: map[uint64]*response{},
		blocked:   map[*record]struct{}{},
		leaving:   map[*record]struct{}{},
	}
}

// Receive takes a request of the proxy in. It never blocks on sending.
func (s *Session) Receive(request *discovery.DeltaDiscoveryRequest) error {
	s.gateway.mu.Lock()
	defer s.gateway.mu.Unlock()
	switch {
	case s.closed:
		return s.failure
	case !s.gateway.ready:
		s.await(request)
	default:
		s.handle(request)
	}
	return nil
}

// replay handles what came before the gateway was ready.
func (s *Session) replay() {
	backlog := s.backlog
	s.backlog = nil
	for _, request := range backlog {
		if !s.closed {
			s.handle(request)
		}
	}
	s.signal()
}

// Done is closed when the session ended and nothing is sent any more.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err says why the session ended; nil while it runs.
func (s *Session) Err() error {
	s.gateway.mu.Lock()
	defer s.gateway.mu.Unlock()
	return s.failure
}

// Close ends the session. A response that is being written is not waited for; Done is.
func (s *Session) Close() {
	s.gateway.mu.Lock()
	defer s.gateway.mu.Unlock()
	s.end(ErrClosed)
}

// end takes the session out of the gateway and its proxy out of all counts.
func (s *Session) end(reason error) {
	if s.closed {
		return
	}
	g := s.gateway
	s.closed, s.failure = true, reason
	delete(g.sessions, s)
	if s.timer != nil {
		s.timer.Stop()
	}
	for _, r := range s.records {
		r.acked = nil
		s.updateCounters(r)
	}
	s.announceStream(true)
	s.forgetMentioned()
	g.publisher.metrics.connected(g.key, len(g.sessions))
	g.reportSoon()
	s.signal()
}

// signal has the writer look for work.
func (s *Session) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// write is the writer goroutine: the only place where responses are built and sent.
func (s *Session) write() {
	defer close(s.done)
	for {
		message, open, err := s.takeContained()
		switch {
		case err != nil:
			s.Close()
			return
		case !open:
			return
		case message == nil:
			<-s.wake
		default:
			if err := s.send(message); err != nil {
				s.gateway.mu.Lock()
				s.end(err)
				s.gateway.mu.Unlock()
				return
			}
		}
	}
}

// takeContained is take. A panic ends this session, and its proxy opens another one.
func (s *Session) takeContained() (message *discovery.DeltaDiscoveryResponse, open bool, err error) {
	err = contain.Do(func() { message, open = s.take() })
	if err != nil {
		contain.Log(s.gateway.publisher.log, err, "A response could not be built; the session ends",
			"gateway", s.gateway.key.String(), "node", s.node)
	}
	return message, open, err
}

// take builds the next response, nil when nothing is due; open is false when the session
// ended.
func (s *Session) take() (message *discovery.DeltaDiscoveryResponse, open bool) {
	g := s.gateway
	g.mu.Lock()
	defer g.mu.Unlock()
	if s.closed {
		return nil, false
	}
	if !g.ready {
		return nil, true
	}
	now := g.publisher.clock.Now()
	s.ring(now)
	message = s.next()
	s.arm(now)
	return message, true
}
