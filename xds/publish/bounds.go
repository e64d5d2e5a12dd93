package publish

import (
	"errors"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// What the proxies of one gateway may make a replica remember. A client with the certificate of a Gateway can send
// anything, and shares the memory of the replica with all other Gateways.
const (
	// maxSessions is how many proxies of a gateway are served by one replica.
	maxSessions = 4096
	// maxUnknownNames is how many names that the gateway does not have one session may mention, and
	// maxUnknownNamesOfAll all sessions of the gateway. A proxy that comes back mentions what was removed meanwhile.
	maxUnknownNames      = 200_000
	maxUnknownNamesOfAll = 1_000_000
	// maxName is the longest name of a resource in bytes.
	maxName = 4096
	// maxBacklog bounds, in bytes, the requests that wait until the gateway is ready.
	maxBacklog = 64 << 20
)

// Why sessions are ended that want too much.
var (
	ErrTooManySessions = errors.New("too many proxies of the gateway are connected")
	ErrTooManyNames    = errors.New("the proxy names too many resources that the gateway does not have")
	ErrTooMuchBacklog  = errors.New("the proxy requests too much before the gateway is ready")
	ErrLongName        = errors.New("the proxy names a resource with a name that is too long")
)

// mention returns the resource that the proxy names; false: it named too much, and the session has ended.
func (s *Session) mention(k kind, name string) (e *resourceState, ok bool) {
	if s.closed {
		return nil, false
	}
	g := s.gateway
	if e, ok = g.resources[k][name]; ok && !e.dead() {
		return e, true
	}
	switch {
	case len(name) > maxName:
		s.end(ErrLongName)
		return nil, false
	case s.unknown >= maxUnknownNames || g.unknown >= maxUnknownNamesOfAll:
		s.end(ErrTooManyNames)
		return nil, false
	}
	s.unknown++
	g.unknown++
	return g.resourceState(k, name), true
}

// forgetMentioned gives back what a session that ended had named.
func (s *Session) forgetMentioned() {
	g := s.gateway
	g.unknown -= s.unknown
	if s.unknown > sweepFloor {
		s.records = map[*resourceState]*record{}
		g.sweep()
	}
}

// await keeps a request until the gateway is ready.
func (s *Session) await(request *discovery.DeltaDiscoveryRequest) {
	if s.awaiting += sizeOf(request); s.awaiting > maxBacklog {
		s.backlog = nil
		s.end(ErrTooMuchBacklog)
		return
	}
	s.backlog = append(s.backlog, request)
}

// sizeOf is about how many bytes a request keeps.
func sizeOf(request *discovery.DeltaDiscoveryRequest) int {
	size := 64 + len(request.GetErrorDetail().GetMessage())
	for _, names := range [][]string{request.GetResourceNamesSubscribe(), request.GetResourceNamesUnsubscribe()} {
		for _, name := range names {
			size += 16 + len(name)
		}
	}
	for name, version := range request.GetInitialResourceVersions() {
		size += 32 + len(name) + len(version)
	}
	return size
}
