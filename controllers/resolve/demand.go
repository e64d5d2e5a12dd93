package resolve

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/ir"
)

// demand marks a target as the backend of a kedify-http trigger: its requests are counted for
// the trigger, and wait when the backend may be at zero.
//
// The trigger is the one that the route was generated for (v1alpha1.HTTPScalerLabel) or, on a
// route of the user, the oldest one with the same backend: nothing of the user is changed, the
// demand follows the backend.
func (r *routeResolver) demand(target *ir.Target, portName string) {
	found := r.scalerOf(target.Cluster, portName)
	if found == nil {
		return
	}
	hold := target.Cluster.HoldCluster()
	target.Cluster.Demand = found.Name
	if mayBeAtZero(found.Spec.Scale) {
		target.Hold = &ir.Hold{Cluster: hold, Demand: ir.Key(store.KeyOf(found)), Timeout: HoldTimeout(found.Spec.Hold)}
	}
}

// connections is the trigger that connections to a backend count for; empty: none. Triggers
// count requests, but those with tlsMode passthrough, whose requests nobody sees.
func (r *routeResolver) connections(cluster ir.ClusterKey, portName string) (trigger string) {
	if r.object.Kind != store.TLSRoute {
		return ""
	}
	if found := r.scalerOf(cluster, portName); found != nil && found.Spec.TLS.Mode == modePassthrough {
		return found.Name
	}
	return ""
}

func (r *routeResolver) scalerOf(cluster ir.ClusterKey, portName string) *v1alpha1.HTTPScaler {
	if name, ok := r.meta.Labels[v1alpha1.HTTPScalerLabel]; ok && cluster.Namespace == r.object.Key.Namespace {
		return r.view.HTTPScaler(types.NamespacedName{Namespace: r.object.Key.Namespace, Name: name})
	}
	return oldestScaler(r.view, cluster, portName)
}

// oldestScaler is the oldest trigger with a backend; nil: there is none.
func oldestScaler(v store.View, cluster ir.ClusterKey, portName string) *v1alpha1.HTTPScaler {
	kind := store.Service
	if cluster.Kind == ir.BackendPool {
		kind = store.InferencePool
	}
	var oldest *v1alpha1.HTTPScaler
	for _, candidate := range v.HTTPScalersOf(kind, types.NamespacedName{Namespace: cluster.Namespace, Name: cluster.Name}) {
		if !counts(candidate, cluster, portName) {
			continue
		}
		if oldest == nil || candidate.CreationTimestamp.Before(&oldest.CreationTimestamp) {
			oldest = candidate
		}
	}
	return oldest
}

// counts reports whether requests to a backend count for a trigger that names it.
func counts(candidate *v1alpha1.HTTPScaler, cluster ir.ClusterKey, portName string) bool {
	backend := candidate.Spec.Backend
	switch {
	case candidate.Spec.Type != v1alpha1.TriggerHTTP || candidate.Spec.Metric.ExternalProxyMetricKey != "":
		return false // counted elsewhere
	case cluster.Kind == ir.BackendPool:
		return true
	case backend.Port != nil:
		return uint32(*backend.Port) == cluster.Port
	}
	return backend.PortName == portName
}

func mayBeAtZero(scale v1alpha1.HTTPScalerScale) bool {
	return scale.Min == 0 || scale.Idle != nil && *scale.Idle == 0
}

// DefaultHoldTimeout is below the 60 s after which common load balancers give up.
const DefaultHoldTimeout = 55 * time.Second

// HoldTimeout is how long a request of a trigger waits for an endpoint.
func HoldTimeout(hold v1alpha1.HTTPScalerHold) time.Duration {
	if hold.Timeout == nil {
		return DefaultHoldTimeout
	}
	return hold.Timeout.Duration
}

// Scaler returns a trigger with the pages it refers to; nil when it does not exist. gateways
// are those whose proxies may count for it.
func Scaler(v store.View, key types.NamespacedName, gateways []types.NamespacedName) *scaler.Scaler {
	object := v.HTTPScaler(key)
	if object == nil {
		return nil
	}
	result := &scaler.Scaler{Key: key, Spec: object.Spec, Gateways: gateways}
	if page := object.Spec.Hold.WaitingPage; page.Enabled {
		result.WaitingPage = pageOf(v, key.Namespace, page, waitingPage)
	}
	if page := object.Spec.Maintenance; page.Enabled {
		result.Maintenance = pageOf(v, key.Namespace, page, maintenancePage)
	}
	return result
}
