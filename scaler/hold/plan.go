package hold

import (
	"time"

	"github.com/kedify/inference-gateway/xds/ir"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"github.com/kedify/inference-gateway/xds/resource"
)

// plan decides what proxies are told, and returns what is different from what they were told.
// The caller hands it on and then calls refresh. The first version of a name is never withheld,
// and nothing is before the gateway is ready.
func (b *backend) plan() []resource.Resource {
	b.next = time.Time{}
	now := b.now()
	var changed []resource.Resource
	if b.hold != nil {
		b.arm(now)
		if told, ok := b.planHold(); ok {
			changed = append(changed, told)
		}
	}
	if b.current != nil && b.mayTell(now) && b.fresh {
		changed = append(changed, b.tell())
	}
	return changed
}

// tell notes that proxies are told what the engine wants, and returns it. Of a backend without
// endpoints they are told an address that serves nobody. (Pools have a picker, which never picks
// it, and use their endpoints later anyway.)
func (b *backend) tell() resource.Resource {
	b.fresh = false
	b.emptyAt, b.restUntil, b.confirmBy = time.Time{}, time.Time{}, time.Time{}
	told := *b.current
	if told.empty() && b.hold != nil && !b.pool() {
		made, err := nowhere(&told.resource)
		if err != nil {
			b.options().Log.Error(err, "a backend stays without endpoints", "gateway", b.gateway.key.String(), "backend", b.name)
			made = told.resource
		}
		told.resource = made
	}
	b.told = &told
	b.history = append(b.history, told)
	return told.resource
}

// rendering is what the endpoints of a hold cluster are made of.
type rendering struct {
	hold  *resource.Resource
	moves int // of the gateway; zero: not armed
}

// planHold renders the hold cluster's endpoints, and reports whether they are to be told.
func (b *backend) planHold() (resource.Resource, bool) {
	of := rendering{hold: b.hold}
	var groups []*endpointv3.LocalityLbEndpoints
	if b.armed {
		of.moves, groups = b.gateway.moves, b.gateway.groups
	}
	if of == b.holdOf {
		return resource.Resource{}, false
	}
	b.holdOf = of
	told, err := askHere(b.hold, groups)
	if err != nil {
		b.options().Log.Error(err, "nobody can be asked", "gateway", b.gateway.key.String(), "backend", b.name)
		told = *b.hold
	}
	b.toldHold = told.Version
	return told, true
}

// mayTell reports whether proxies may be told of what the engine wants: always, but that the
// last endpoint went. Then every proxy must ask first, nothing that it was answered may be on
// the way, and retries get the time to meet the next endpoint instead of none.
func (b *backend) mayTell(now time.Time) bool {
	if !b.gateway.ready || b.hold == nil || b.told == nil || !b.current.empty() || b.told.empty() {
		return true
	}
	timing := &b.options().Timing
	if b.emptyAt.IsZero() {
		b.emptyAt = now
	}
	if b.restUntil.IsZero() {
		if !b.allArmed() {
			if limit := b.emptyAt.Add(timing.AckWait); limit.After(now) {
				b.alarm(limit)
				return false
			}
			b.options().Metrics.exceeded.WithLabelValues("ack").Inc()
			b.options().Log.Info("a proxy did not say that it asks; its last endpoint goes all the same", "gateway", b.gateway.key.String(), "backend", b.name)
		}
		b.restUntil = now.Add(timing.Linger)
	}
	if b.restUntil.After(now) {
		b.alarm(b.restUntil)
		return false
	}
	return b.confirmed(now)
}

// confirmed reports whether no answer is on the way any more, or was waited for long enough.
func (b *backend) confirmed(now time.Time) bool {
	b.mu.Lock()
	b.draining = b.unconfirmed > 0
	waits := b.draining
	b.mu.Unlock()
	if !waits {
		return true
	}
	if b.confirmBy.IsZero() {
		b.confirmBy = now.Add(b.options().Timing.ConfirmWait)
	}
	if b.confirmBy.After(now) {
		b.alarm(b.confirmBy)
		return false
	}
	b.options().Metrics.exceeded.WithLabelValues("confirmation").Inc()
	b.options().Log.Info("a proxy did not confirm an answer; the last endpoint goes all the same", "gateway", b.gateway.key.String(), "backend", b.name)
	return true
}

// allArmed reports whether every connected proxy accepted that it asks, and nothing else is on
// the way to it. A proxy without a stream is not waited for: it is told before it is told that
// endpoints are gone.
func (b *backend) allArmed() bool {
	for _, has := range b.options().Publisher.Accepted(ir.Key(b.gateway.key), b.holdKey()) {
		if has.Accepted != b.toldHold {
			return false
		}
		for _, pending := range has.Pending {
			if pending != b.toldHold {
				return false
			}
		}
	}
	return true
}
