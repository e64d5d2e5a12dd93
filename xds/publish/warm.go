package publish

import "time"

// gated reports whether a record must wait because the revision names a cluster that is not
// warm in this proxy, and has it looked at again when that changes or the budget is over. A
// scope waits with the route configuration that goes out behind it.
func (s *Session) gated(r *record, rev *revision) bool {
	if len(rev.clusters) == 0 && r.resource.kind != scope || r.resource.kind == cluster || !s.subscriptions[cluster].wildcard {
		return false
	}
	now := s.gateway.publisher.clock.Now()
	if r.blockedAt.IsZero() {
		r.blockedAt = now
	}
	late := false
	for _, needs := range s.gates(r, rev) {
		for _, need := range needs {
			waits, since := s.cold(need)
			if waits == nil {
				continue
			}
			if since.Before(r.blockedAt) {
				since = r.blockedAt
			}
			deadline := since.Add(s.gateway.publisher.warmBudget)
			if deadline.After(now) {
				s.block(r, waits, deadline)
				return true
			}
			late = true
		}
	}
	if late {
		s.gateway.publisher.metrics.budgetExceeded(s.gateway.key, r.resource.kind)
		s.gateway.publisher.log.Info("resource is sent although a cluster it names is not warm",
			"gateway", s.gateway.key.String(), "node", s.node, "type", kindNames[r.resource.kind], "name", r.resource.name)
	}
	return false
}

// gates lists the clusters that must be warm before a revision is sent.
func (s *Session) gates(r *record, rev *revision) [][]*resourceState {
	gates := [][]*resourceState{rev.clusters}
	if r.resource.kind != scope || rev.companion == nil {
		return gates
	}
	table := rev.companion
	if behind, ok := s.records[table]; ok && same(behind.latest(), table.current) {
		return gates
	}
	if table.current != nil {
		gates = append(gates, table.current.clusters)
	}
	return gates
}

// cold returns the record whose progress makes a cluster warm, nil when the cluster is warm
// or will never be, and since when the proxy works on it. Warm means that the endpoints were
// accepted after the cluster was sent. The ACK of the cluster says nothing: proxies withhold
// it while any cluster warms.
func (s *Session) cold(e *resourceState) (*record, time.Time) {
	if e.current == nil {
		return nil, time.Time{} // nothing will come: its requests fail, all others must not
	}
	c := s.record(e)
	last := c.latest()
	if !same(last, e.current) && (last == nil || !same(last, e.desired)) {
		return s.companionRecord(e.current, c), s.progress
	}
	if e.current.companion == nil {
		return nil, time.Time{} // not EDS: in the proxy as soon as it was sent
	}
	endpoints := s.record(e.current.companion)
	if endpoints.accepted > c.latestNonce() {
		return nil, time.Time{}
	}
	return endpoints, c.sentAt
}

func (s *Session) companionRecord(rev *revision, otherwise *record) *record {
	if rev.companion == nil {
		return otherwise
	}
	return s.record(rev.companion)
}

// block parks a record until the other one makes progress, or the deadline.
func (s *Session) block(r, on *record, deadline time.Time) {
	r.blocked = true
	s.blocked[r] = struct{}{}
	s.alarmAt(deadline, r)
	if n := len(on.ackWaiters); n == 0 || on.ackWaiters[n-1] != r {
		on.ackWaiters = append(on.ackWaiters, r)
	}
}

func (s *Session) unblock(r *record) {
	if r.blocked {
		r.blocked = false
		delete(s.blocked, r)
	}
}

// wakeACKWaiters has everything that waits for a record looked at again.
func (s *Session) wakeACKWaiters(r *record) {
	ackWaiters := r.ackWaiters
	r.ackWaiters = nil
	for _, w := range ackWaiters {
		if w.blocked {
			s.schedule(w)
		}
	}
}

// wakeCompanion has everything looked at again that waits for the endpoints of a cluster.
func (s *Session) wakeCompanion(rev *revision) {
	if rev == nil || rev.companion == nil {
		return
	}
	if r, ok := s.records[rev.companion]; ok {
		s.wakeACKWaiters(r)
	}
}

// olderBlocked reports whether something that changed no later than seq waits for a warm
// cluster. What would take something away from the proxy waits with it.
func (s *Session) olderBlocked(seq uint64) bool {
	for r := range s.blocked {
		if r.resource.seq <= seq {
			return true
		}
	}
	return false
}
