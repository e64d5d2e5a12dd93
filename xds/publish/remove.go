package publish

import "time"

// removal decides about the head of a list of removals.
func (s *Session) removal(r *record) (*revision, decision) {
	_, g := s.want(r)
	if g != gone {
		// It came back, or is gone already: the other list decides.
		r.list = inUpserts
		s.upserts[r.resource.kind].push(r)
		delete(s.leaving, r)
		return nil, skip
	}
	if r.holdsAny() {
		if makesBlind(r.resource.kind) && s.olderBlocked(r.resource.seq) {
			return nil, refuse // make before break
		}
		if !s.removable(r) {
			r.list = inNoList
			s.leaving[r] = struct{}{}
			return nil, skip
		}
	}
	r.list = inNoList
	delete(s.leaving, r)
	return nil, ship
}

// makesBlind reports whether requests miss a resource of the kind as soon as it is removed.
func makesBlind(k kind) bool { return k == listener || k == scope || k == route }

// removable reports whether nothing in the proxy can need the resource any more. Otherwise the
// record is looked at again when a reference goes or its grace is over.
func (s *Session) removable(r *record) bool {
	if r.refs > 0 || s.hiddenRefs(r.resource.kind) {
		r.unusedAt = time.Time{}
		return false
	}
	grace := s.gateway.publisher.removeGrace
	if grace <= 0 || r.resource.kind != cluster && r.resource.kind != secret {
		return true
	}
	now := s.gateway.publisher.clock.Now()
	if r.unusedAt.IsZero() {
		r.unusedAt = now
		s.alarmAt(now.Add(grace), r)
	}
	return !r.unusedAt.Add(grace).After(now)
}

// hiddenRefs reports whether the proxy has revisions of unknown content that may name
// resources of the kind.
func (s *Session) hiddenRefs(k kind) bool {
	switch k {
	case cluster:
		return s.foreign[route]+s.foreign[listener]+s.foreign[scope] > 0
	case endpoint:
		return s.foreign[cluster] > 0
	case route:
		return s.foreign[scope]+s.foreign[listener] > 0
	default:
		return false
	}
}

// restartGrace has the grace begin anew of everything that a revision of unknown content may name:
// a proxy that comes back speaks of its clusters first, and of what names them later.
func (s *Session) restartGrace() {
	for r := range s.leaving {
		if s.hiddenRefs(r.resource.kind) {
			r.unusedAt = time.Time{}
		}
	}
}

func (s *Session) isLeaving(r *record) bool {
	_, leaving := s.leaving[r]
	return leaving
}

// reconsiderLeaving looks again at everything that could not be removed yet.
func (s *Session) reconsiderLeaving() {
	for r := range s.leaving {
		s.schedule(r)
	}
}
