package engine

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/xds/resource"
)

// pause reports whether a flush has taken so long that other input should be looked at.
type pause func() bool

func never() bool { return false }

// Flush computes what is out of date, layer by layer, and calls the output.
func (m *Model) Flush() {
	for !m.Advance(never) {
	}
}

// Advance is a part of Flush. It ends when a pause is due, after a route, a table or a status, of
// which one user may have many or large ones, and reports whether that was all. In between, nothing
// of the flush is published, so that the proxies never see half of a change.
func (m *Model) Advance(due pause) (done bool) {
	if !m.synced {
		return true
	}
	m.flushGateways()
	m.flushPools()
	if !m.flushRoutes(due) || !m.flushHosts(due) {
		return false
	}
	m.flushListeners()
	m.flushClusters()
	m.flushEndpoints()
	m.flushSecrets()
	m.flushScalers()
	if due() && !m.rested { // publishing takes its time, too
		m.rested = true
		return false
	}
	m.rested = false
	m.renewGone()
	m.publish()
	if !m.flushStatuses(due) {
		return false
	}
	if !m.flushed {
		m.flushed = true
		m.output.Synced()
	}
	return true
}

// PublishEndpoints computes and publishes the endpoints that changed, ahead of a flush or in one of
// its pauses. They depend on no other unit. What the proxies do not have yet waits for the whole.
func (m *Model) PublishEndpoints() {
	if !m.synced {
		return
	}
	for _, change := range m.endpoints.renewKnown() {
		users := m.usage.gateways[change.key]
		for i, gateway := range users {
			switch {
			case slices.Contains(users[:i], gateway):
			case change.new == nil || m.awaited(gateway, change.new.Key):
				m.upsert(gateway, change.old, change.new)
			case sameResource(change.old, change.new):
			case !m.send(gateway, resource.Change{Upsert: []resource.Resource{*change.new}}):
				m.pend(gateway, change.new.Key, change.new)
			}
		}
	}
}

// awaited reports whether the flush has something else to say about a resource of a gateway.
func (m *Model) awaited(gateway types.NamespacedName, key resource.Key) bool {
	_, pending := m.pending[gateway][key]
	return pending || m.gateways.get(gateway) == nil || slices.Contains(m.fresh, gateway) || slices.Contains(m.gone, gateway)
}
