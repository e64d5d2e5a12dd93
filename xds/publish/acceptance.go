package publish

import (
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Acceptance is news about what one proxy has. It says that Accepted may answer differently
// now: who must not act on anything older asks Accepted.
type Acceptance struct {
	Gateway ir.Key
	Node    string // node id
	// Key is the resource; the zero Key: another stream speaks for the proxy from now on or,
	// with Gone, none.
	Key resource.Key
	// Version that the proxy has now; "": none.
	Version string
	// Gone: the last stream ended. Nothing is known of the proxy until it is back.
	Gone bool
}

// Possession is what a connected proxy has of one name.
type Possession struct {
	// Accepted is the newest version that the proxy accepted on this stream, or said that it
	// has when it opened it; "": none.
	Accepted string
	// Pending are the versions on the way to the proxy that it has not answered, oldest first;
	// "" is a removal. It may have applied any of them by now.
	Pending []string
}

// Accepted returns what every connected proxy of a gateway has of a resource, by node id. A
// proxy that never asked for the resource is there with nothing. A proxy without a stream is
// not there; of two streams with one node id the newer one speaks for it.
func (p *Publisher) Accepted(gateway ir.Key, key resource.Key) map[string]Possession {
	g := p.existing(gateway)
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var e *entry
	if k, known := kindsByType[key.Type]; known {
		e = g.entries[k][key.Name]
	}
	found, serials := make(map[string]Possession, len(g.sessions)), make(map[string]uint64, len(g.sessions))
	for s := range g.sessions {
		if s.serial > serials[s.node] {
			serials[s.node] = s.serial
			found[s.node] = s.possession(e)
		}
	}
	return found
}

func (s *Session) possession(e *entry) Possession {
	r, ok := s.records[e]
	if e == nil || !ok {
		return Possession{}
	}
	has := Possession{Accepted: versionOf(r.acked)}
	for _, sent := range r.flight {
		has.Pending = append(has.Pending, versionOf(sent.revision))
	}
	return has
}

// reportACKs has the ACKs of an entry reported from now on, beginning with what proxies have, or not.
func (g *gateway) reportACKs(e *entry, wanted bool) {
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

// speaks reports whether no newer stream of the same proxy is open; another tells of the same
// node otherwise.
func (s *Session) speaks() (speaks, alone bool) {
	speaks, alone = true, true
	for other := range s.gateway.sessions {
		if other != s && other.node == s.node {
			speaks, alone = speaks && other.serial < s.serial, false
		}
	}
	return speaks, alone
}

// announce has OnAccepted called with what a proxy has of a record now.
func (s *Session) announce(r *record) {
	if !r.entry.reported {
		return
	}
	if speaks, _ := s.speaks(); speaks {
		s.gateway.announce(Acceptance{Gateway: s.gateway.key, Node: s.node, Key: r.entry.key(), Version: versionOf(r.acked)})
	}
}

// announceStream has OnAccepted called because the stream opened or ended.
func (s *Session) announceStream(ended bool) {
	if s.gateway.publisher.onAccepted == nil {
		return
	}
	if speaks, alone := s.speaks(); speaks {
		s.gateway.announce(Acceptance{Gateway: s.gateway.key, Node: s.node, Gone: ended && alone})
	}
}

// announce queues news. Somebody else's goroutine tells it: the caller may have locks that
// OnAccepted wants, because Apply may have been called with them.
func (g *gateway) announce(news Acceptance) {
	g.acceptances = append(g.acceptances, news)
	if !g.announcing {
		g.announcing = true
		go g.tellAcceptances()
	}
}

// tellAcceptances calls OnAccepted until there is no news. One of it runs per gateway.
func (g *gateway) tellAcceptances() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.acceptances) > 0 {
		batch := g.acceptances
		g.acceptances = nil
		g.mu.Unlock()
		for _, news := range batch {
			g.publisher.onAccepted(news)
		}
		g.mu.Lock()
	}
	g.announcing = false
}
