package publish

import (
	"slices"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// everything is the name that subscribes to all resources of a type (xDS protocol,
// "wildcard subscriptions").
const everything = "*"

// handle takes one request in: first the answer to a response, then what it subscribes to.
// The order matters: a subscription that comes after the ACK of an unasked push means that
// the push was dropped.
func (s *Session) handle(request *discovery.DeltaDiscoveryRequest) {
	defer s.signal()
	if request.GetResponseNonce() != "" {
		s.answer(request)
	}
	k, known := kindsByType[typeOf(request)]
	if !known {
		s.answerUnknown(request)
		return
	}
	sub := &s.subscriptions[k]
	first := !sub.seen
	sub.seen = true
	if first {
		s.adoptVersions(k, request.GetInitialResourceVersions())
		s.countWanted(k)
	}
	if s.closed {
		return // it named too much
	}
	legacy := first && k.wildcard() && len(request.GetResourceNamesSubscribe()) == 0
	if legacy || slices.Contains(request.GetResourceNamesSubscribe(), everything) {
		s.subscribeAll(k)
	}
	for _, name := range request.GetResourceNamesSubscribe() {
		if name != everything {
			_, had := request.GetInitialResourceVersions()[name]
			e, ok := s.mention(k, name)
			if !ok {
				return
			}
			s.subscribe(e, had && first)
		}
	}
	for _, name := range request.GetResourceNamesUnsubscribe() {
		s.unsubscribe(k, name)
	}
	s.gateway.reportSoon()
}

// adoptVersions takes over what the proxy has from an earlier stream: equal content is not
// sent again, and what vanished meanwhile is removed in the usual order.
func (s *Session) adoptVersions(k kind, versions map[string]string) {
	for name, version := range versions {
		e, ok := s.mention(k, name)
		if !ok {
			return
		}
		if e.dead() {
			s.gateway.dead++
		}
		r := s.record(e)
		r.acked = &revision{version: version, foreign: true}
		if blank := blankRevision(e); blank != nil && blank.version == version {
			r.acked = blank
		}
		s.hold(k, r.acked)
		s.identifyForeign(r)
		// The proxy serves with it, in any version: endpoints that it lists are warm,
		// unless their cluster was sent on this stream before it said so.
		if k != cluster && !r.owed {
			s.nonce++
			r.accepted = s.nonce
		}
		s.announce(r)
		s.wakeACKWaiters(r)
		s.schedule(r)
		s.updateCounters(r)
	}
}

// countWanted counts what the proxy will want of a kind because of what it was sent before it
// spoke of the kind.
func (s *Session) countWanted(k kind) {
	if !k.follows() {
		return
	}
	for _, r := range s.records {
		if r.resource.kind == k && r.refs > 0 {
			s.updateCounters(r)
		}
	}
}

func (s *Session) subscribeAll(k kind) {
	sub := &s.subscriptions[k]
	if sub.wildcard {
		return
	}
	sub.wildcard = true
	names := make([]string, 0, len(s.gateway.resources[k]))
	for name, e := range s.gateway.resources[k] {
		if e.current != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		r := s.record(s.gateway.resources[k][name])
		s.schedule(r)
		s.updateCounters(r)
	}
}

// subscribe answers a name at once, unless the proxy has it already (had) or the answer is
// on its way: a push that was not ACKed yet reaches the proxy after it subscribed. Endpoints
// whose cluster was sent are repeated in any case.
func (s *Session) subscribe(e *resourceState, had bool) {
	r := s.record(e)
	r.subscribed = true
	if !had && len(r.flight) == 0 || r.owed {
		r.force = true
	}
	s.schedule(r)
	s.updateCounters(r)
}

// unsubscribe forgets what the proxy has: it forgets it too.
func (s *Session) unsubscribe(k kind, name string) {
	if name == everything {
		s.subscriptions[k].wildcard = false
		for _, r := range s.records {
			if r.resource.kind == k && !r.subscribed {
				s.forget(r)
			}
		}
		return
	}
	e, ok := s.gateway.resources[k][name]
	if !ok {
		return
	}
	r, ok := s.records[e]
	if !ok {
		return
	}
	r.subscribed = false
	if s.subscriptions[k].wildcard {
		// The name is still covered; the protocol has the server say what it is.
		r.force = true
		s.schedule(r)
		return
	}
	s.forget(r)
}

// forget drops everything the proxy had of a name. Shipments that are still on the way are
// not waited for: their ACK means nothing any more.
func (s *Session) forget(r *record) {
	k := r.resource.kind
	acked, flight := r.acked, r.flight
	r.acked, r.flight, r.force, r.alone = nil, nil, false, false
	r.accepted = 0
	delete(s.leaving, r)
	s.release(k, acked)
	for _, sent := range flight {
		s.release(k, sent.revision)
	}
	s.announce(r)
	s.updateCounters(r)
	s.dropIfIdle(r)
}

// interested reports whether the proxy wants to know the resource: it asked for it, or will
// because of what it was sent.
func (s *Session) interested(r *record) bool {
	k := r.resource.kind
	sub := &s.subscriptions[k]
	return sub.seen && (sub.wildcard || r.subscribed || k.follows() && r.refs > 0)
}

// reconsider has the session look at a resource that changed for the gateway.
func (s *Session) reconsider(e *resourceState) {
	r, ok := s.records[e]
	if !ok {
		if e.current == nil || !s.subscriptions[e.kind].wildcard {
			return
		}
		r = s.record(e)
	}
	s.identifyForeign(r)
	s.wakeACKWaiters(r)
	s.schedule(r)
	s.updateCounters(r)
	s.signal()
}
