package publish

import (
	"math"
	"strings"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"github.com/kedify/inference-gateway/xds/resource"
)

// Sizes of responses. Figures: a change that travels alone costs a proxy 3-4 ms, in a batch
// of 100 it costs 0.3 ms, but a refused batch names no culprit.
const (
	burst      = 16      // with more than this pending of a kind, responses carry batches
	batchSize  = 100     // resources in a batch
	batchBytes = 1 << 20 // and their bodies, about
)

// window is how many responses of a kind may be without an answer. While they are, changes
// wait in the session, where newer content replaces older. The proxy withholds the ACK of
// clusters while any cluster warms, so that their window must never be what others wait for;
// they are paced by the ACKs of their endpoints.
var window = [kinds]int{
	cluster:  256,
	endpoint: 16,
	secret:   16,
	listener: 16,
	scope:    16,
	route:    16,
}

// next builds the response that is due first, nil when nothing is. The order is the whole
// secret of make-before-break:
//
//  1. endpoints right behind the clusters that were just sent, because nothing else asks for
//     the endpoints of a changed cluster, and route configurations right behind scopes;
//  2. endpoints that changed: they never wait for another type;
//  3. what must be there first: secrets, clusters, then scopes with their routes, then the
//     listeners that open the door to them;
//  4. removals from the outside in: listeners, scopes, routes, clusters, the rest.
func (s *Session) next() *discovery.DeltaDiscoveryResponse {
	for _, k := range [...]kind{endpoint, route} {
		if made := s.collect(k, inNoList, s.follow); made != nil {
			return made
		}
	}
	for _, k := range [...]kind{endpoint, secret, cluster, scope, route, listener} {
		if s.windowOpen(k) {
			if made := s.collect(k, inUpserts, s.upsert); made != nil {
				return made
			}
		}
	}
	for _, k := range [...]kind{listener, scope, route, cluster, endpoint, secret} {
		if s.windowOpen(k) {
			if made := s.collect(k, inRemovals, s.removal); made != nil {
				return made
			}
		}
	}
	return s.firstAnswer()
}

func (s *Session) windowOpen(k kind) bool {
	if k == cluster && s.subscriptions[endpoint].inFlight >= window[endpoint] {
		return false // the endpoints behind it would exceed their own window
	}
	return s.subscriptions[k].inFlight < window[k]
}

// decision is what becomes of a record that was at the head of a list.
type decision uint8

const (
	skip   decision = iota // nothing to send, or later
	ship                   // goes into the response
	refuse                 // stays at the head; the list waits
)

// decider says what to send of a record; a nil revision is a removal.
type decider func(*record) (*revision, decision)

func (s *Session) listOf(k kind, of listName) *sendList {
	switch of {
	case inUpserts:
		return &s.upserts[k]
	case inRemovals:
		return &s.removals[k]
	default:
		return &s.followers[k]
	}
}

// opensTrial: the resource is the scope of a trial. Those of a search travel together, because proxies take them.
func (e *resourceState) opensTrial() bool {
	return e.kind == scope && strings.HasPrefix(e.name, resource.TrialPrefix)
}

// collect takes records from a list until the response is full.
func (s *Session) collect(k kind, of listName, decide decider) *discovery.DeltaDiscoveryResponse {
	list := s.listOf(k, of)
	limit := 1
	if list.len() > burst {
		limit = batchSize
	}
	building := s.newResponse(k)
	for list.len() > 0 && building.bytes < batchBytes {
		r := list.front()
		if len(building.items) >= limit && (len(building.items) >= batchSize || !r.resource.opensTrial()) {
			break
		}
		if of != inNoList && r.list != of {
			list.pop() // scheduled elsewhere since
			continue
		}
		if r.alone && len(building.items) > 0 {
			break
		}
		rev, v := decide(r)
		if v == refuse {
			break
		}
		list.pop()
		if v == skip {
			continue
		}
		if r.alone {
			limit = math.MinInt
		}
		building.add(r, rev)
	}
	if len(building.items) == 0 {
		return nil
	}
	return s.dispatch(building)
}

// schedule has the writer look at a record. It is harmless when there is nothing to do.
func (s *Session) schedule(r *record) {
	if r.list == inUpserts {
		return
	}
	s.unblock(r)
	r.list = inUpserts
	s.upserts[r.resource.kind].push(r)
}

// goal says what should become of a record.
type goal uint8

const (
	keep goal = iota // as it is
	put              // the proxy should have the revision
	gone             // the proxy should have nothing
)

// want compares what the proxy has with what it should have.
func (s *Session) want(r *record) (*revision, goal) {
	e := r.resource
	switch {
	case !s.interested(r):
		return nil, keep
	case e.current != nil:
		return s.wantCurrent(r)
	case e.desired != nil: // quarantined, and no version was ever good
		if r.force && !r.holdsAny() {
			return s.wantAbsence(r)
		}
		return nil, keep
	case e.kind.follows() && e.needed > 0: // its parent stands, and waits for an answer
		return s.wantBlank(r)
	case r.holdsAny():
		return s.wantLess(r)
	case r.force:
		return s.wantAbsence(r)
	default:
		return nil, keep
	}
}

func (s *Session) wantCurrent(r *record) (*revision, goal) {
	e, last := r.resource, r.latest()
	if r.force || last == nil {
		return e.current, put
	}
	if same(last, e.current) || same(last, e.desired) {
		return nil, keep // a proxy that took what another refused may keep it
	}
	return e.current, put
}

// wantLess decides about a resource that is gone while the proxy still has something of it.
func (s *Session) wantLess(r *record) (*revision, goal) {
	last := r.latest()
	switch {
	case last == nil: // its removal is on the way
		return nil, keep
	case r.force && last.foreign && r.resource.lastDesired != nil: // its cluster changed before it went
		return r.resource.lastDesired, put
	case r.force && !last.foreign: // asked again before it could be removed
		return last, put
	case last.blank:
		return nil, keep
	default:
		return nil, gone
	}
}

// wantBlank answers with an empty resource.
func (s *Session) wantBlank(r *record) (*revision, goal) {
	blank := blankRevision(r.resource)
	if blank == nil || same(r.latest(), blank) && !r.force {
		return nil, keep
	}
	return blank, put
}

// wantAbsence answers a subscription to a name that nothing has.
func (s *Session) wantAbsence(r *record) (*revision, goal) {
	if r.resource.kind.follows() {
		return s.wantBlank(r)
	}
	return nil, gone
}

// upsert decides about the head of a list of upserts.
func (s *Session) upsert(r *record) (*revision, decision) {
	s.unblock(r)
	rev, g := s.want(r)
	switch g {
	case put:
		if r.resource.kind == listener && s.olderBlocked(r.resource.seq) {
			return nil, refuse // the door opens when what is behind it is there
		}
		if s.gated(r, rev) {
			r.list = inNoList
			return nil, skip
		}
		r.list = inNoList
		return rev, ship
	case gone:
		r.list = inRemovals
		s.removals[r.resource.kind].push(r)
		return nil, skip
	default:
		r.list = inNoList
		s.clearDue(r)
		return nil, skip
	}
}

// follow decides about the head of a list of followers.
func (s *Session) follow(r *record) (*revision, decision) {
	r.following = false
	rev, g := s.want(r)
	if g != put || s.gated(r, rev) {
		return nil, skip // a table that changed since its scope was sent waits on its own
	}
	return rev, ship
}

// clearDue notes that nothing is due to a record.
func (s *Session) clearDue(r *record) {
	r.force, r.alone = false, false
	r.unusedAt = time.Time{}
	delete(s.leaving, r)
	s.dropIfIdle(r)
}

// firstAnswer answers a wildcard subscription that has nothing to say: without any response
// the proxy waits for 15 s.
func (s *Session) firstAnswer() *discovery.DeltaDiscoveryResponse {
	for k := range s.subscriptions {
		sub := &s.subscriptions[k]
		if sub.wildcard && !sub.answered && s.quiet(kind(k)) {
			return s.dispatch(s.newResponse(kind(k)))
		}
	}
	return s.nextAbsence()
}

// quiet reports whether nothing of a kind waits to be sent.
func (s *Session) quiet(k kind) bool {
	if s.upserts[k].len()+s.removals[k].len() > 0 {
		return false
	}
	for r := range s.blocked {
		if r.resource.kind == k {
			return false
		}
	}
	return true
}
