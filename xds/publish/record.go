package publish

import "time"

// record is what one session knows about one resource: what the proxy has, what is on the way
// and what is due.
type record struct {
	resource *resourceState

	// acked is the newest revision that the proxy accepted; nil: it has none.
	acked *revision
	// flight are the versions that were sent and not answered, oldest first.
	flight []shipment
	// accepted is the nonce with which the proxy accepted acked.
	accepted uint64
	// sentAt is when the resource was sent last.
	sentAt time.Time

	// refs counts what the proxy has, or may have, that names this resource.
	refs int
	// ackWaiters are records that are looked at again when this one becomes warm.
	ackWaiters []*record

	// blockedAt is when the record began to wait for warm clusters, unusedAt when the resource
	// became removable.
	blockedAt, unusedAt time.Time

	list       listName
	subscribed bool // by name
	force      bool // answer although the proxy has it
	owed       bool // endpoints: their cluster was sent, and they were not sent since
	alone      bool // was in a refused batch: travels alone
	following  bool // in the list of followers
	blocked    bool
	lags       bool // counted in behind
	has        bool // counted in resource.acked
}

// shipment is one revision on its way to the proxy; a nil revision is a removal.
type shipment struct {
	nonce    uint64
	revision *revision
	// doubtful shipments were in a refused batch: the proxy may or may not have applied
	// them.
	doubtful bool
}

// latest returns what the proxy has once everything on the way arrived.
func (r *record) latest() *revision {
	for i := len(r.flight) - 1; i >= 0; i-- {
		if !r.flight[i].doubtful {
			return r.flight[i].revision
		}
	}
	return r.acked
}

// latestNonce returns the nonce of the latest revision.
func (r *record) latestNonce() uint64 {
	for i := len(r.flight) - 1; i >= 0; i-- {
		if !r.flight[i].doubtful {
			return r.flight[i].nonce
		}
	}
	return r.accepted
}

// holdsAny reports whether the proxy has, or may have, any version.
func (r *record) holdsAny() bool {
	if r.acked != nil {
		return true
	}
	for _, sent := range r.flight {
		if sent.revision != nil {
			return true
		}
	}
	return false
}

// idle records carry no knowledge and can be dropped.
func (r *record) idle() bool {
	return r.acked == nil && len(r.flight) == 0 && r.refs == 0 && !r.subscribed &&
		r.list == inNoList && !r.following && !r.blocked && len(r.ackWaiters) == 0
}

// record returns the record of a resource and makes it when there is none.
func (s *Session) record(e *resourceState) *record {
	found, ok := s.records[e]
	if !ok {
		found = &record{resource: e}
		s.records[e] = found
	}
	return found
}

// dropIfIdle forgets a record that carries no knowledge.
func (s *Session) dropIfIdle(r *record) {
	if r.idle() && r.resource.current == nil {
		s.updateCounters(r)
		delete(s.leaving, r)
		delete(s.records, r.resource)
	}
}

// hold notes that the proxy may have the revision from now on, and so what it names is in
// use.
func (s *Session) hold(k kind, rev *revision) {
	if rev == nil {
		return
	}
	if rev.foreign {
		s.foreign[k]++
		if s.foreign[k] == 1 {
			s.restartGrace()
		}
		return
	}
	eachNeed(rev, func(need *resourceState) {
		used := s.record(need)
		used.refs++
		used.unusedAt = time.Time{}
		s.updateCounters(used)
	})
}

// release notes that the proxy certainly no longer has the revision.
func (s *Session) release(k kind, rev *revision) {
	if rev == nil {
		return
	}
	if rev.foreign {
		s.foreign[k]--
		if s.foreign[k] == 0 {
			s.reconsiderLeaving()
		}
		return
	}
	eachNeed(rev, func(need *resourceState) {
		used := s.record(need)
		used.refs--
		if used.refs > 0 {
			return
		}
		if need.current == nil {
			s.schedule(used)
		}
		s.updateCounters(used)
	})
}

// identifyForeign learns the content of a foreign revision from an equal one of the gateway.
func (s *Session) identifyForeign(r *record) {
	if r.acked == nil || !r.acked.foreign {
		return
	}
	for _, known := range [...]*revision{r.resource.desired, r.resource.lastAccepted} {
		if known != nil && same(known, r.acked) {
			foreign := r.acked
			r.acked = known
			s.hold(r.resource.kind, known)
			s.release(r.resource.kind, foreign)
			s.gateway.accepted(r.resource, known)
			return
		}
	}
}

// updateCounters brings the counters in line with the record: whether the proxy lags behind, and
// whether it accepted what the engine wants.
func (s *Session) updateCounters(r *record) {
	e := r.resource
	has := e.desired != nil && same(r.acked, e.desired)
	lags := e.current != nil && !has && !same(r.acked, e.current) && s.interested(r) && !s.closed
	if has != r.has {
		r.has = has
		e.acked += sign(has)
		if e.kind == listener && e.acked <= 1 {
			s.gateway.reportSoon()
		}
	}
	if lags == r.lags {
		return
	}
	r.lags = lags
	e.behind += sign(lags)
	s.behind += sign(lags)
	if e.behind == 0 && has && !e.applied.IsZero() {
		s.gateway.publisher.metrics.propagated(e.kind, s.gateway.publisher.clock.Now().Sub(e.applied))
		e.applied = time.Time{}
	}
}

func sign(up bool) int {
	if up {
		return 1
	}
	return -1
}
