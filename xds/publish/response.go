package publish

import (
	"strconv"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/kedify/inference-gateway/xds/resource"
)

// identifier names the control plane in every response.
const identifier = "kedify-gateway"

// response is what one nonce stands for.
type response struct {
	kind  kind
	items []item
	bytes int
	// at is when it was sent.
	at time.Time
}

// item is one resource of a response; a nil revision is a removal.
type item struct {
	record   *record
	revision *revision
}

func (s *Session) newResponse(k kind) *response { return &response{kind: k} }

func (r *response) add(to *record, rev *revision) {
	r.items = append(r.items, item{record: to, revision: rev})
	if rev != nil {
		r.bytes += len(rev.body)
	}
}

// dispatch puts a response on its way: from here on the proxy may have what it carries.
func (s *Session) dispatch(sent *response) *discovery.DeltaDiscoveryResponse {
	s.nonce++
	nonce := s.nonce
	s.responses[nonce] = sent
	sub := &s.subscriptions[sent.kind]
	sub.inFlight++
	sub.answered = true
	now := s.gateway.publisher.clock.Now()
	sent.at = now
	for _, it := range sent.items {
		r := it.record
		r.flight = append(r.flight, shipment{nonce: nonce, revision: it.revision})
		since := r.blockedAt
		r.sentAt = now
		r.force, r.alone, r.owed = false, false, false
		r.blockedAt, r.unusedAt = time.Time{}, time.Time{}
		s.unblock(r)
		delete(s.leaving, r)
		s.hold(sent.kind, it.revision)
		s.scheduleFollower(it.revision, since)
		s.updateCounters(r)
	}
	s.gateway.publisher.metrics.pushed(sent)
	return sent.message(nonce, s.gateway.seq)
}

// scheduleFollower puts the companion of a revision right behind it, when the proxy knows the
// kind already; otherwise the answer to its subscription follows. Endpoints are repeated even when the proxy has them:
// it does not ask for the endpoints of a changed cluster, and waits 15 s for them.
// A table waits no longer for warm clusters than its scope did (since).
func (s *Session) scheduleFollower(rev *revision, since time.Time) {
	if rev == nil || rev.companion == nil {
		return
	}
	behind := s.record(rev.companion)
	k := behind.resource.kind
	behind.blockedAt = since
	if k == endpoint {
		behind.force, behind.owed = true, true
	}
	if s.subscriptions[k].seen && !behind.following {
		behind.following = true
		s.followers[k].push(behind)
	}
}

func (r *response) message(nonce, seq uint64) *discovery.DeltaDiscoveryResponse {
	made := &discovery.DeltaDiscoveryResponse{
		SystemVersionInfo: strconv.FormatUint(seq, 10),
		TypeUrl:           string(kindTypes[r.kind]),
		Nonce:             strconv.FormatUint(nonce, 10),
		ControlPlane:      &corev3.ControlPlane{Identifier: identifier},
	}
	for _, it := range r.items {
		name := it.record.resource.name
		if it.revision == nil {
			made.RemovedResources = append(made.RemovedResources, name)
			continue
		}
		made.Resources = append(made.Resources, &discovery.Resource{
			Name:     name,
			Version:  it.revision.version,
			Resource: &anypb.Any{TypeUrl: made.TypeUrl, Value: it.revision.body},
		})
	}
	return made
}

// absence answers a subscription of a type that the product does not serve.
type absence struct {
	typeURL string
	names   []string
}

func typeOf(request *discovery.DeltaDiscoveryRequest) resource.Type {
	return resource.Type(request.GetTypeUrl())
}

// answerUnknown says that names of an unknown type do not exist, so that no proxy waits for
// them.
func (s *Session) answerUnknown(request *discovery.DeltaDiscoveryRequest) {
	if request.GetResponseNonce() != "" {
		return
	}
	s.absent = append(s.absent, absence{typeURL: request.GetTypeUrl(), names: request.GetResourceNamesSubscribe()})
}

func (s *Session) nextAbsence() *discovery.DeltaDiscoveryResponse {
	if len(s.absent) == 0 {
		return nil
	}
	first := s.absent[0]
	s.absent = s.absent[1:]
	s.nonce++
	return &discovery.DeltaDiscoveryResponse{
		TypeUrl:          first.typeURL,
		RemovedResources: first.names,
		Nonce:            strconv.FormatUint(s.nonce, 10),
		ControlPlane:     &corev3.ControlPlane{Identifier: identifier},
	}
}
