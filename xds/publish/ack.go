package publish

import (
	"strconv"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// answer takes the ACK or NACK of a response in. Only the nonce says what it is about; the
// text of a NACK often names nothing.
func (s *Session) answer(request *discovery.DeltaDiscoveryRequest) {
	nonce, err := strconv.ParseUint(request.GetResponseNonce(), 10, 64)
	if err != nil {
		return
	}
	answered, ok := s.responses[nonce]
	if !ok {
		return // of an earlier stream, or of an unknown type
	}
	delete(s.responses, nonce)
	s.subscriptions[answered.kind].inFlight--
	metrics := s.gateway.publisher.metrics
	if detail := request.GetErrorDetail(); detail != nil {
		metrics.nacked(answered.kind)
		s.reject(nonce, answered, rejectionReason(detail.GetMessage()))
		return
	}
	metrics.acked(answered.kind)
	s.accept(nonce, answered)
}

func (s *Session) accept(nonce uint64, answered *response) {
	if answered.kind == endpoint && len(answered.items) > 0 {
		s.progress = s.gateway.publisher.clock.Now()
	}
	for _, it := range answered.items {
		r := it.record
		at := r.inFlight(nonce)
		if at < 0 {
			continue // unsubscribed meanwhile
		}
		rev := r.flight[at].revision
		if rev != nil && !s.asked(r) {
			s.release(answered.kind, rev)
			rev = nil
		}
		replaced, overtaken := r.acked, r.flight[:at]
		r.acked, r.flight = rev, append([]shipment(nil), r.flight[at+1:]...)
		if rev != nil {
			r.accepted = nonce
		}
		s.release(answered.kind, replaced)
		for _, old := range overtaken {
			s.release(answered.kind, old.revision)
		}
		s.gateway.accepted(r.resource, rev)
		s.announce(r)
		s.wakeACKWaiters(r)
		s.updateCounters(r)
		s.dropIfIdle(r)
	}
}

// asked reports whether the proxy takes what it is sent of a record. What it did not ask for, a
// push ahead of its subscription or behind its end, it ACKs and drops.
func (s *Session) asked(r *record) bool {
	return r.subscribed || s.subscriptions[r.resource.kind].wildcard
}

// reject handles a NACK. A response with one resource names the culprit; of a batch any
// resource may or may not have been applied, so each is sent again alone.
func (s *Session) reject(nonce uint64, answered *response, message string) {
	if len(answered.items) == 1 {
		s.rejectOne(nonce, answered.items[0], message)
		return
	}
	s.gateway.publisher.log.V(1).Info("batch was rejected and is sent again one by one",
		"gateway", s.gateway.key.String(), "node", s.node, "type", kindNames[answered.kind], "resources", len(answered.items), "message", message)
	for _, it := range answered.items {
		r := it.record
		at := r.inFlight(nonce)
		if at < 0 {
			continue
		}
		r.flight[at].doubtful = true
		r.alone, r.force = true, true
		s.schedule(r)
		s.updateCounters(r)
	}
}

func (s *Session) rejectOne(nonce uint64, it item, message string) {
	r := it.record
	at := r.inFlight(nonce)
	if at < 0 {
		return
	}
	rev := it.revision
	if rev == nil {
		// Proxies cannot refuse a removal: it is over with an ACK and with a NACK.
		s.accept(nonce, &response{kind: r.resource.kind, items: []item{it}})
		return
	}
	kept := r.flight[:0:0]
	for i, sent := range r.flight {
		if i == at || sent.doubtful && same(sent.revision, rev) {
			s.release(r.resource.kind, sent.revision)
			continue
		}
		kept = append(kept, sent)
	}
	r.flight = kept
	if rev.blank {
		s.gateway.publisher.log.Error(nil, "proxy rejected an empty resource", "gateway", s.gateway.key.String(),
			"node", s.node, "type", kindNames[r.resource.kind], "name", r.resource.name, "message", message)
	} else {
		s.gateway.quarantine(r.resource, rev, s.node, message)
	}
	s.announce(r)
	s.wakeCompanion(r.resource.current) // the version before is warm as it was
	s.schedule(r)
	s.updateCounters(r)
}

// inFlight returns the position of the shipment of a nonce, or -1.
func (r *record) inFlight(nonce uint64) int {
	for i, sent := range r.flight {
		if sent.nonce == nonce {
			return i
		}
	}
	return -1
}
