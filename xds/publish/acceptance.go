package publish

import (
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Acceptance is a change of what one proxy has. It is a hint: call Accepted for the current state.
type Acceptance struct {
	Gateway ir.Key
	Node    string // node id
	// Key is the resource; the zero Key: another stream is the newest of the proxy from now on or,
	// with Gone, none.
	Key resource.Key
	// Version that the proxy has now; "": none.
	Version string
	// Gone: the last stream ended. Nothing is known of the proxy until it is back.
	Gone bool
}

// ACKState is what a connected proxy has of one name.
type ACKState struct {
	// Accepted is the newest version that the proxy accepted on this stream, or said that it
	// has when it opened it; "": none.
	Accepted string
	// Pending are the versions on the way to the proxy that it has not answered, oldest first;
	// "" is a removal. It may have applied any of them by now.
	Pending []string
}

// Accepted returns what every connected proxy of a gateway has of a resource, by node id. A
// proxy that never asked for the resource is there with nothing. A proxy without a stream is
// not there; of two streams with one node id the newer one counts.
func (p *Publisher) Accepted(gateway ir.Key, key resource.Key) map[string]ACKState {
	g := p.existing(gateway)
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var e *resourceState
	if k, known := kindsByType[key.Type]; known {
		e = g.resources[k][key.Name]
	}
	found, serials := make(map[string]ACKState, len(g.sessions)), make(map[string]uint64, len(g.sessions))
	for s := range g.sessions {
		if s.serial > serials[s.node] {
			serials[s.node] = s.serial
			found[s.node] = s.ackState(e)
		}
	}
	return found
}

func (s *Session) ackState(e *resourceState) ACKState {
	r, ok := s.records[e]
	if e == nil || !ok {
		return ACKState{}
	}
	has := ACKState{Accepted: versionOf(r.acked)}
	for _, sent := range r.flight {
		has.Pending = append(has.Pending, versionOf(sent.revision))
	}
	return has
}

// reportACKs has the ACKs of a resource reported from now on, beginning with what proxies have, or not.
func (g *gatewayState) reportACKs(e *resourceState, wanted bool) {
	before := e.reported
	e.reported = wanted && g.publisher.onAccepted != nil
	if !e.reported || before {
		return
	}
	for s := range g.sessions {
		if r, ok := s.records[e]; ok && r.acked != nil {
			s.announce(r)
		}
	}
}

// newestStream reports whether no newer stream of the same proxy is open; another tells of the same
// node otherwise.
func (s *Session) newestStream() (newest, only bool) {
	newest, only = true, true
	for other := range s.gateway.sessions {
		if other != s && other.node == s.node {
			newest, only = newest && other.serial < s.serial, false
		}
	}
	return newest, only
}

// announce has OnAccepted called with what a proxy has of a record now.
func (s *Session) announce(r *record) {
	if !r.resource.reported {
		return
	}
	if newest, _ := s.newestStream(); newest {
		s.gateway.announce(report{acceptance: Acceptance{
			Gateway: s.gateway.key, Node: s.node, Key: r.resource.key(), Version: versionOf(r.acked),
		}})
	}
}

// announceStream has OnAccepted called because the stream opened or ended.
func (s *Session) announceStream(ended bool) {
	if s.gateway.publisher.onAccepted == nil {
		return
	}
	if newest, only := s.newestStream(); newest {
		s.gateway.announce(report{acceptance: Acceptance{Gateway: s.gateway.key, Node: s.node, Gone: ended && only}})
	}
}

// report is one call of OnAccepted or, with a rejection, of OnRejected.
type report struct {
	acceptance Acceptance
	rejection  *Rejection
}

// announce queues a report. Another goroutine calls, because the caller may hold
// locks that the receiver takes.
func (g *gatewayState) announce(next report) {
	if next.rejection != nil && g.publisher.onRejected == nil || next.rejection == nil && g.publisher.onAccepted == nil {
		return
	}
	g.reports = append(g.reports, next)
	if !g.announcing {
		g.announcing = true
		go g.sendReports()
	}
}

// sendReports calls until the queue is empty. One of it runs per gateway.
func (g *gatewayState) sendReports() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.reports) > 0 {
		batch := g.reports
		g.reports = nil
		g.mu.Unlock()
		for _, one := range batch {
			g.publisher.tell(g.key, func() { g.publisher.send(g.key, one) })
		}
		g.mu.Lock()
	}
	g.announcing = false
}

func (p *Publisher) send(gateway ir.Key, r report) {
	if r.rejection != nil {
		p.onRejected(gateway, *r.rejection)
		return
	}
	p.onAccepted(r.acceptance)
}
