package publish

import (
	"time"

	"github.com/kedify/inference-gateway/api/debug"
)

// answerTime is how long a proxy may take to accept or reject what it was sent.
const answerTime = 5 * time.Second

// Streams returns, for every gateway, how many proxies are connected and how many of them answer. What a
// proxy rejected is answered: a resource of one tenant must not make the proxies of all look ill, and
// neither must a cluster that never becomes warm.
func (p *Publisher) Streams() []debug.ProxyStreams {
	now := p.clock.Now()
	streams := []debug.ProxyStreams{}
	for _, key := range p.Gateways() {
		if g := p.existing(key); g != nil {
			streams = append(streams, g.streams(now))
		}
	}
	return streams
}

func (g *gatewayState) streams(now time.Time) debug.ProxyStreams {
	g.mu.Lock()
	defer g.mu.Unlock()
	streams := debug.ProxyStreams{Gateway: debug.Key(g.key), Ready: g.ready, Connected: len(g.sessions)}
	for s := range g.sessions {
		if g.ready && s.answers(now) {
			streams.Accepting++
		}
	}
	return streams
}

// answers reports whether the proxy asked for listeners and clusters and has answered all that it was sent, but
// for what is on its way for a moment.
func (s *Session) answers(now time.Time) bool {
	for _, sent := range s.responses {
		if now.Sub(sent.at) >= answerTime {
			return false
		}
	}
	return s.subscribed()
}
