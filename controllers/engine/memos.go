package engine

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// newObjectMemos makes the memos with one unit per object.
func (m *Model) newObjectMemos() {
	m.gateways = newMemo(m.graph, m.failures, objectMemo(store.Gateway, m.computeGateway))
	m.pools = newMemo(m.graph, m.failures, objectMemo(store.InferencePool, m.computePool))
	m.scalers = newMemo(m.graph, m.failures, objectMemo(store.HTTPScaler, m.computeScaler))
	m.modelPods = newMemo(m.graph, m.failures, memoOptions[types.NamespacedName, scaler.ModelPods]{
		compute: infallible(m.computeModelPods), equal: deepEqual[scaler.ModelPods],
		name:    func(key types.NamespacedName) string { return "model Pods of HTTPScaler " + key.String() },
		sources: func(key types.NamespacedName) []ir.Source { return []ir.Source{sourceOf(store.HTTPScaler, key)} },
	})
	m.routes = newMemo(m.graph, m.failures, memoOptions[resolve.Object, resolve.RouteResult]{
		compute: infallible(m.computeRoute), equal: deepEqual[resolve.RouteResult],
		name:    func(o resolve.Object) string { return objectName(o) },
		sources: func(o resolve.Object) []ir.Source { return []ir.Source{sourceOf(o.Kind, o.Key)} },
	})
	m.statuses = newMemo(m.graph, m.failures, memoOptions[resolve.Object, status.Update]{
		compute: infallible(m.computeStatus), equal: deepEqual[status.Update],
		name: func(o resolve.Object) string { return "status of " + objectName(o) },
	})
	m.ports = newMemo(m.graph, m.failures, memoOptions[types.NamespacedName, []ir.Listener]{
		compute: infallible(m.computePorts), equal: deepEqual[[]ir.Listener],
		name:    func(key types.NamespacedName) string { return "ports of Gateway " + key.String() },
		sources: func(key types.NamespacedName) []ir.Source { return []ir.Source{gatewaySource(key)} },
	})
}

// newResourceMemos makes the memos with one unit per xDS resource, or per few that belong
// together.
func (m *Model) newResourceMemos() {
	m.hosts = newMemo(m.graph, m.failures, memoOptions[hostKey, hostTable]{
		compute: m.computeHost, equal: sameTable,
		name: func(key hostKey) string {
			return fmt.Sprintf("host %s of chain %s of Gateway %s", key.hostname, key.chain, key.gateway)
		},
		kept: func(key hostKey, table *hostTable, keeps bool) { m.keepClusters(key.gateway, table.clusters, keeps) },
	})
	m.wildcards = newMemo(m.graph, m.failures, memoOptions[chainKey, hostTable]{
		compute: m.computeWildcards, equal: sameTable,
		name: func(key chainKey) string {
			return fmt.Sprintf("wildcard hosts of chain %s of Gateway %s", key.chain, key.gateway)
		},
		kept: func(key chainKey, table *hostTable, keeps bool) { m.keepClusters(key.gateway, table.clusters, keeps) },
	})
	m.listeners = newMemo(m.graph, m.failures, memoOptions[portKey, portListener]{
		compute: m.computeListener, equal: sameListener,
		name: func(key portKey) string {
			return fmt.Sprintf("listener %s of Gateway %s", translate.ListenerName(key.transport, key.port), key.gateway)
		},
		kept: func(key portKey, l *portListener, keeps bool) { m.keepClusters(key.gateway, l.clusters, keeps) },
	})
	m.clusters = newMemo(m.graph, m.failures, memoOptions[clusterKey, clusterResource]{
		compute: m.computeCluster, equal: sameCluster,
		name: func(key clusterKey) string { return fmt.Sprintf("cluster %s of Gateway %s", key.cluster, key.gateway) },
	})
	m.endpoints = newMemo(m.graph, m.failures, memoOptions[ir.ClusterKey, resource.Resource]{
		compute: m.computeEndpoints, equal: sameResource,
		name: func(key ir.ClusterKey) string { return "endpoints of " + key.String() },
	})
	m.secrets = newMemo(m.graph, m.failures, memoOptions[secretKey, resource.Resource]{
		compute: m.computeSecret, equal: sameResource,
		name: func(key secretKey) string { return fmt.Sprintf("secret %s of Gateway %s", key.name, key.gateway) },
	})
}

// objectMemo describes the memo of a kind of object.
func objectMemo[V any](kind store.Kind, compute func(types.NamespacedName, func(store.Dep)) *V) memoOptions[types.NamespacedName, V] {
	return memoOptions[types.NamespacedName, V]{
		compute: infallible(compute), equal: deepEqual[V],
		name:    func(key types.NamespacedName) string { return string(kind) + " " + key.String() },
		sources: func(key types.NamespacedName) []ir.Source { return []ir.Source{sourceOf(kind, key)} },
	}
}

// infallible is a computation without errors of its own.
func infallible[K comparable, V any](compute func(K, func(store.Dep)) *V) func(K, *computation) (*V, error) {
	return func(key K, c *computation) (*V, error) { return compute(key, c.record), nil }
}

func sourceOf(kind store.Kind, key types.NamespacedName) ir.Source {
	return ir.Source{Kind: string(kind), Namespace: key.Namespace, Name: key.Name}
}

func objectName(object resolve.Object) string { return string(object.Kind) + " " + object.Key.String() }
