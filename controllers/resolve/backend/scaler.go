package backend

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/ir"
)

// OldestScaler is the oldest trigger that requests to a backend count for; nil: there is none.
func OldestScaler(v store.View, cluster ir.ClusterKey, portName string) *v1alpha1.HTTPScaler {
	return oldest(v, cluster, func(candidate *v1alpha1.HTTPScaler) bool {
		// With a key of an Envoy of the user's, requests are counted there.
		return candidate.Spec.Metric.ExternalProxyMetricKey == "" && leadsTo(candidate, cluster, portName)
	})
}

// oldest is the oldest of the triggers that name the backend and are taken; nil: there is none.
func oldest(v store.View, cluster ir.ClusterKey, taken func(*v1alpha1.HTTPScaler) bool) *v1alpha1.HTTPScaler {
	kind := store.Service
	if cluster.Kind == ir.BackendPool {
		kind = store.InferencePool
	}
	var found *v1alpha1.HTTPScaler
	for _, candidate := range v.HTTPScalersOf(kind, types.NamespacedName{Namespace: cluster.Namespace, Name: cluster.Name}) {
		if taken(candidate) && (found == nil || store.CompareAge(candidate, found) < 0) {
			found = candidate
		}
	}
	return found
}

// leadsTo reports whether a trigger that names a Service or pool leads requests to the very backend.
func leadsTo(candidate *v1alpha1.HTTPScaler, cluster ir.ClusterKey, portName string) bool {
	backend := candidate.Spec.Backend
	switch {
	case candidate.Spec.Type != v1alpha1.TriggerHTTP:
		return false
	case cluster.Kind == ir.BackendPool:
		return true
	case backend.Port != nil:
		return uint32(*backend.Port) == cluster.Port
	}
	return backend.PortName == portName
}

// HoldTimeout is how long a request of a trigger waits for an endpoint.
func HoldTimeout(hold v1alpha1.HTTPScalerHold) time.Duration {
	if hold.Timeout == nil {
		return scaler.DefaultHoldTimeout
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
	result := &scaler.Scaler{Key: key, Spec: object.Spec, Gateways: gateways, Path: scaler.PathOf(object.Status)}
	if page := object.Spec.Hold.WaitingPage; page.Enabled {
		result.WaitingPage = pageOf(v, key.Namespace, page, waitingPage)
	}
	if page := object.Spec.Maintenance; page.Enabled {
		result.Maintenance = pageOf(v, key.Namespace, page, maintenancePage)
	}
	return result
}
