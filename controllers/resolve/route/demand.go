package route

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve/backend"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// demand marks a target as the backend of a kedify-http trigger: its requests are counted for
// the trigger, and wait while the backend has no endpoint, with any minimum of replicas:
// a backend that never goes to zero has no endpoint, too, when its last Pod dies
// (docs/adr/0030-scaling-edges.md).
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
	target.Hold = &ir.Hold{Cluster: hold, Demand: ir.Key(store.KeyOf(found)), Timeout: backend.HoldTimeout(found.Spec.Hold)}
}

// connections is the trigger that connections to a backend count for; empty: none. Triggers
// count requests, but those with tlsMode passthrough, whose requests the proxy cannot see.
func (r *routeResolver) connections(cluster ir.ClusterKey, portName string) (trigger string) {
	if r.object.Kind != store.TLSRoute {
		return ""
	}
	if found := r.scalerOf(cluster, portName); found != nil && found.Spec.TLS.Mode == v1alpha1.TLSPassthrough {
		return found.Name
	}
	return ""
}

func (r *routeResolver) scalerOf(cluster ir.ClusterKey, portName string) *v1alpha1.HTTPScaler {
	if name, ok := r.meta.Labels[v1alpha1.HTTPScalerLabel]; ok && cluster.Namespace == r.object.Key.Namespace {
		return r.view.HTTPScaler(types.NamespacedName{Namespace: r.object.Key.Namespace, Name: name})
	}
	return backend.OldestScaler(r.view, cluster, portName)
}

// reencrypts is the same for a backend of a route, before its demand is known.
func (r *routeResolver) reencrypts(cluster ir.ClusterKey, portName string) bool {
	if found := r.scalerOf(cluster, portName); found != nil {
		cluster.Demand = found.Name
	}
	return backend.Reencrypts(r.view, cluster, portName)
}
