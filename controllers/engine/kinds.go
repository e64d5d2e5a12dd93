package engine

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/store"
)

// kindUnits are the units that exist because an object of a kind exists. Kinds without a row are
// read by units and have none of their own.
type kindUnits struct {
	// unit of the object; nil: none.
	unit objectUnits
	// status computes the status of the object; nil: it has none of this product.
	status func(resolve.Object, func(store.Dep)) *status.Update
}

// objectUnits is a memo with one unit per object of a kind.
type objectUnits interface {
	renew(types.NamespacedName)
	drop(types.NamespacedName)
}

// together are several units of one object.
type together []objectUnits

func (t together) renew(key types.NamespacedName) {
	for _, units := range t {
		units.renew(key)
	}
}

func (t together) drop(key types.NamespacedName) {
	for _, units := range t {
		units.drop(key)
	}
}

// kindUnits lists the kinds that have units.
func (m *Model) kindUnits() map[store.Kind]kindUnits {
	return map[store.Kind]kindUnits{
		store.GatewayClass:     {status: m.classStatus},
		store.Gateway:          {unit: m.gateways, status: m.gatewayStatus},
		store.ListenerSet:      {status: m.listenerSetStatus},
		store.HTTPRoute:        m.routeUnits(store.HTTPRoute),
		store.GRPCRoute:        m.routeUnits(store.GRPCRoute),
		store.TLSRoute:         m.routeUnits(store.TLSRoute),
		store.TCPRoute:         m.routeUnits(store.TCPRoute),
		store.UDPRoute:         m.routeUnits(store.UDPRoute),
		store.BackendTLSPolicy: {status: m.policyStatus},
		store.InferencePool:    {unit: m.pools, status: m.poolStatus},
		store.HTTPScaler:       {unit: together{m.scalers, m.modelPods}},

		store.XBackend:              {status: m.xBackendStatus},
		store.XBackendTrafficPolicy: {status: m.trafficPolicyStatus},
		store.XTelemetryPolicy:      {status: m.telemetryPolicyStatus},
	}
}

func (m *Model) routeUnits(kind store.Kind) kindUnits {
	return kindUnits{unit: routesOf{m.routes, kind}, status: m.routeStatus}
}

// routesOf is the units of one kind of route in the memo of all of them.
type routesOf struct {
	routes *memo[resolve.Object, resolve.RouteResult]
	kind   store.Kind
}

func (r routesOf) renew(key types.NamespacedName) {
	r.routes.renew(resolve.Object{Kind: r.kind, Key: key})
}
func (r routesOf) drop(key types.NamespacedName) {
	r.routes.drop(resolve.Object{Kind: r.kind, Key: key})
}

// renewUnits wants the units of an object that was created.
func (m *Model) renewUnits(kind store.Kind, key types.NamespacedName) {
	units := m.kinds[kind]
	if units.unit != nil {
		units.unit.renew(key)
	}
	if units.status != nil {
		m.statuses.renew(resolve.Object{Kind: kind, Key: key})
	}
}

// dropUnits drops the units of an object that was deleted.
func (m *Model) dropUnits(kind store.Kind, key types.NamespacedName) {
	units := m.kinds[kind]
	if units.unit != nil {
		units.unit.drop(key)
	}
	if units.status != nil {
		m.statuses.drop(resolve.Object{Kind: kind, Key: key})
	}
}

// computeStatus says what the status of an object should be; nil when this product has none to
// write.
func (m *Model) computeStatus(object resolve.Object, record func(store.Dep)) *status.Update {
	return m.kinds[object.Kind].status(object, record)
}
