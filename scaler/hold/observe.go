package hold

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/hold/pickers"
)

// observe collects the facts that transitions from the present state depend on.
func (b *backend) observe() facts {
	f := facts{
		now:          b.now(),
		timing:       &b.options().Timing,
		gatewayReady: b.gateway.ready,
		holdCluster:  b.hold.wanted != nil,
		endpoints:    b.wants(),
		published:    b.published.endpoints(),
		usableAt:     b.learning.usableAt(&b.options().Timing),
		askingPicker: !b.learning.since.IsZero() && b.learning.verdict == pickers.Pending,
		disarmedAt:   b.disarmedAt,
	}
	switch b.state.(type) {
	case armed:
		f.maintenance = b.maintenance()
		f.busy = b.requests.busy(f.now)
		if f.mayDisarm() {
			_, f.everyProxyReady = b.readyProxies()
		}
	case disarmed:
		f.maintenance = b.maintenance()
		f.lastArrival = b.lastArrival()
	case awaitingACK:
		if b.hold.wanted != nil {
			f.everyProxyAsks = b.hold.acceptedBy(b.accepted(b.hold.wanted.Key))
		}
	case awaitingConfirmation:
		f.unconfirmed = b.requests.awaitConfirmation()
	}
	return f
}

func (b *backend) wants() wanted {
	switch {
	case b.endpoints == nil:
		return wantsNothing
	case b.endpoints.empty():
		return wantsNone
	default:
		return wantsSome
	}
}

func (b *backend) endpointCount() int {
	if b.endpoints == nil {
		return 0
	}
	return len(b.endpoints.addresses)
}

// readyProxies returns which connected proxies are known to have an endpoint in use, and whether
// there is a proxy and all of them are. Versions that no proxy can have any more are forgotten.
func (b *backend) readyProxies() (ready map[string]bool, all bool) {
	accepted := b.accepted(b.key())
	ready, all = b.published.readyProxies(accepted, b.endpoints)
	b.published.trim(accepted)
	return ready, all
}

// maintenance reports whether a maintenance page answers every request.
func (b *backend) maintenance() bool {
	for _, key := range b.gateway.demands.byEndpoints[b.name] {
		if s := b.options().Catalog.Get(key); s != nil && s.Maintenance != nil {
			return true
		}
	}
	return false
}

// paused returns the triggers of the backend that nothing will start, and whether there is one that nothing will start
// once it is at zero.
func (b *backend) paused() (keys map[types.NamespacedName]bool, mayBe bool) {
	for _, key := range b.gateway.demands.byEndpoints[b.name] {
		s := b.options().Catalog.Get(key)
		if s == nil || !s.Spec.Scale.StaysAtZero {
			continue
		}
		if mayBe = true; b.options().AtZero(s) {
			if keys == nil {
				keys = map[types.NamespacedName]bool{}
			}
			keys[key] = true
		}
	}
	return keys, mayBe
}

// lastArrival returns when the last request is known to have arrived; zero: unknown.
func (b *backend) lastArrival() (last time.Time) {
	for _, key := range b.gateway.demands.byEndpoints[b.name] {
		if at, known := b.options().LastArrival(key); known && at.After(last) {
			last = at
		}
	}
	return last
}

// paces returns the window and the load of an endpoint: the smallest that a trigger of the
// backend asks for.
func (b *backend) paces() (window, load int) {
	for _, key := range b.gateway.demands.byEndpoints[b.name] {
		s := b.options().Catalog.Get(key)
		if s == nil {
			continue
		}
		metric, has := s.Spec.MetricOf(v1alpha1.Concurrency)
		if !has || metric.Target <= 0 {
			continue
		}
		if target := int(min(metric.Target, 1<<20)); load == 0 || target < load {
			load = target
		}
	}
	if load == 0 {
		load = defaultLoad
	}
	return min(load, maxWindow), load
}
