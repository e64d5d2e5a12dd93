package publish

import (
	"sync"
	"time"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// sweepFloor is how many dead resources are not worth sweeping.
const sweepFloor = 512

// gatewayState is the desired state of one gateway and the sessions of its proxies.
type gatewayState struct {
	key       ir.Key
	publisher *Publisher

	mu          sync.Mutex
	ready       bool
	gone        bool // forgotten
	seq         uint64
	resources   [kinds]map[string]*resourceState
	desired     [kinds]int // how many resources have a desired revision
	dead        int        // about how many resources could be swept
	sessions    map[*Session]struct{}
	unknown     int // names that sessions mentioned and the gateway did not have
	quarantined map[*resourceState]struct{}
	reporting   deliveryReport
	serial      uint64 // of the newest session
	// reports are not sent yet; announcing: a goroutine sends them.
	reports    []report
	announcing bool
}

func newGatewayState(p *Publisher, key ir.Key) *gatewayState {
	g := &gatewayState{
		key:         key,
		publisher:   p,
		sessions:    map[*Session]struct{}{},
		quarantined: map[*resourceState]struct{}{},
	}
	for k := range g.resources {
		g.resources[k] = map[string]*resourceState{}
	}
	return g
}

// resourceState returns the state of a name and makes it when there is none.
func (g *gatewayState) resourceState(k kind, name string) *resourceState {
	found, ok := g.resources[k][name]
	if !ok {
		found = &resourceState{kind: k, name: name}
		g.resources[k][name] = found
	}
	return found
}

// apply takes a change in. Its parts become visible to the proxies together, because the
// writers wait for the lock.
func (g *gatewayState) apply(change resource.Change) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seq++
	now := g.publisher.clock.Now()
	for i := range change.Upsert {
		g.upsert(&change.Upsert[i], now)
	}
	for _, key := range change.Remove {
		g.remove(key)
	}
	if g.dead > sweepFloor {
		g.sweep()
	}
	g.publisher.metrics.resources(g)
	g.reportSoon()
}

func (g *gatewayState) upsert(wanted *resource.Resource, now time.Time) {
	k, known := kindsByType[wanted.Type]
	if !known {
		g.publisher.log.Error(nil, "resource of an unknown type is not published",
			"gateway", g.key.String(), "type", wanted.Type, "name", wanted.Name)
		return
	}
	e := g.resourceState(k, wanted.Name)
	g.reportACKs(e, wanted.ReportACKs)
	if e.desired != nil && e.desired.version == wanted.Version {
		e.desired.sources = wanted.Sources // provenance may move while the content stays
		return
	}
	if e.desired == nil {
		g.desired[k]++
	}
	g.forgetRejection(e)
	e.desired, e.lastDesired = g.revision(e, wanted), nil
	e.seq, e.applied = g.seq, now
	g.updateCurrent(e)
}

// revision makes the shared content of a resource; equal content that a proxy accepted before
// is used again.
func (g *gatewayState) revision(e *resourceState, wanted *resource.Resource) *revision {
	if e.lastAccepted != nil && e.lastAccepted.version == wanted.Version {
		e.lastAccepted.sources = wanted.Sources
		return e.lastAccepted
	}
	made := &revision{version: wanted.Version, body: wanted.Body, sources: wanted.Sources}
	for _, name := range wanted.Clusters {
		made.clusters = append(made.clusters, g.resourceState(cluster, name))
	}
	if wanted.Companion != "" {
		made.companion = g.resourceState(companionKinds[e.kind], wanted.Companion)
	}
	return made
}

// companionKinds has the kind of the companion of a kind.
var companionKinds = [kinds]kind{cluster: endpoint, scope: route}

func (g *gatewayState) remove(key resource.Key) {
	k, known := kindsByType[key.Type]
	if !known {
		return
	}
	e, ok := g.resources[k][key.Name]
	if !ok || e.desired == nil {
		return
	}
	e.lastDesired = e.desired
	if e.rejection != nil {
		e.lastDesired = e.lastAccepted
	}
	g.forgetRejection(e)
	e.desired, e.seq, e.applied = nil, g.seq, time.Time{}
	g.desired[k]--
	g.dead++
	g.updateCurrent(e)
}

// updateCurrent brings current in line with desired, the quarantine and the pins, and has
// every session look at the resource again.
func (g *gatewayState) updateCurrent(e *resourceState) {
	before := e.current
	changed := g.setCurrent(e, e.standIn())
	for s := range g.sessions {
		s.reconsider(e)
		if e.current != before {
			s.wakeCompanion(before) // what waits for a cluster may have to wait for another one, or for none
		}
	}
	for _, need := range changed {
		if need.standIn() != need.current {
			g.updateCurrent(need)
		}
	}
}

// setCurrent changes what proxies are told and returns what else may have to change with it.
func (g *gatewayState) setCurrent(e *resourceState, next *revision) (touched []*resourceState) {
	last, kept := e.current, e.keeps
	keeps := next != nil && next != e.desired
	if last == next && kept == keeps {
		return nil
	}
	g.adopt(next)
	eachNeed(next, func(need *resourceState) {
		need.needed++
		need.keepers += count(keeps)
		touched = append(touched, need)
	})
	eachNeed(last, func(need *resourceState) {
		need.needed--
		need.keepers -= count(kept)
		touched = append(touched, need)
		if need.dead() {
			g.dead++
		}
	})
	e.current, e.keeps = next, keeps
	return touched
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// adopt replaces swept resources in a revision that comes back, by those that have their
// names now.
func (g *gatewayState) adopt(r *revision) {
	if r == nil {
		return
	}
	for i, need := range r.clusters {
		if need.swept {
			r.clusters[i] = g.resourceState(need.kind, need.name)
		}
	}
	if r.companion != nil && r.companion.swept {
		r.companion = g.resourceState(r.companion.kind, r.companion.name)
	}
}

// eachNeed visits what a revision refers to.
func eachNeed(r *revision, visit func(*resourceState)) {
	if r == nil {
		return
	}
	for _, need := range r.clusters {
		visit(need)
	}
	if r.companion != nil {
		visit(r.companion)
	}
}

// sweep forgets resources that nothing desires, names or has. Its cost is spread over the
// removals that made it necessary.
func (g *gatewayState) sweep() {
	g.dead = 0
	for k := range g.resources {
		for name, e := range g.resources[k] {
			if e.dead() && !g.inUse(e) {
				e.swept = true
				delete(g.resources[k], name)
			}
		}
	}
}

func (g *gatewayState) inUse(e *resourceState) bool {
	for s := range g.sessions {
		if _, ok := s.records[e]; ok {
			return true
		}
	}
	return false
}
