package engine

import (
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// usage counts which gateways use which pools and Services, and whose routes refer to which XBackends.
type usage struct {
	pools     map[types.NamespacedName]map[types.NamespacedName]int // pool -> gateway -> users
	xBackends map[types.NamespacedName]map[types.NamespacedName]int // XBackend -> gateway -> users
	services  map[types.NamespacedName]map[types.NamespacedName]int // Service -> gateway -> users
	demands   map[types.NamespacedName]map[types.NamespacedName]int // HTTPScaler -> gateway -> users
	gateways  map[ir.ClusterKey][]types.NamespacedName
}

// clusterKey is a cluster of one gateway.
type clusterKey struct {
	gateway types.NamespacedName
	cluster ir.ClusterKey
}

func newUsage() *usage {
	return &usage{
		pools:     map[types.NamespacedName]map[types.NamespacedName]int{},
		xBackends: map[types.NamespacedName]map[types.NamespacedName]int{},
		services:  map[types.NamespacedName]map[types.NamespacedName]int{},
		demands:   map[types.NamespacedName]map[types.NamespacedName]int{},
		gateways:  map[ir.ClusterKey][]types.NamespacedName{},
	}
}

// use is what a route, or the filters of the listeners of a gateway, use on gateways.
type use struct {
	gateways  []types.NamespacedName
	clusters  []ir.ClusterKey
	pools     []types.NamespacedName
	xBackends []types.NamespacedName
}

// useOfRoute returns what a route uses; of nil, nothing.
func useOfRoute(result *resolve.RouteResult) use {
	if result == nil {
		return use{}
	}
	return use{gateways: attachedGateways(result), clusters: result.Clusters, pools: result.Pools, xBackends: result.XBackends}
}

// useOfGateway returns what the listeners of a gateway use; of nil, nothing.
func useOfGateway(result *resolve.GatewayResult) use {
	if result == nil {
		return use{}
	}
	return use{gateways: []types.NamespacedName{result.Key}, clusters: result.Clusters}
}

func (u use) eachCluster(visit func(clusterKey)) {
	for _, gateway := range u.gateways {
		for _, cluster := range u.clusters {
			visit(clusterKey{gateway, cluster})
		}
	}
}

// exchange moves what something uses: clusters, pools and Services.
func (m *Model) exchange(old, new use) {
	if reflect.DeepEqual(old, new) {
		return
	}
	m.graph.touch(m.usage.count(new, 1)...) // first, so that what both use is not touched
	new.eachCluster(m.clusters.want)
	m.graph.touch(m.usage.count(old, -1)...)
	old.eachCluster(m.clusters.drop)
}

// count adjusts the counters by what is used and returns the deps that were touched.
func (u *usage) count(used use, by int) (touched []store.Dep) {
	for _, gateway := range used.gateways {
		for _, cluster := range used.clusters {
			if cluster.Demand != "" {
				demand := types.NamespacedName{Namespace: cluster.Namespace, Name: cluster.Demand}
				if adjust(u.demands, demand, gateway, by) {
					touched = append(touched, demandUsersDep{demand})
				}
			}
			if cluster.Kind != ir.BackendPool {
				service := types.NamespacedName{Namespace: cluster.Namespace, Name: cluster.Name}
				if adjust(u.services, service, gateway, by) {
					touched = append(touched, serviceUsersDep{service})
				}
			}
		}
		for _, pool := range used.pools {
			if adjust(u.pools, pool, gateway, by) {
				touched = append(touched, poolUsersDep{pool})
			}
		}
		for _, backend := range used.xBackends {
			if adjust(u.xBackends, backend, gateway, by) {
				touched = append(touched, xBackendUsersDep{backend})
			}
		}
	}
	return touched
}

// adjust reports whether the set of users changed.
func adjust(all map[types.NamespacedName]map[types.NamespacedName]int, used, user types.NamespacedName, by int) bool {
	users := all[used]
	if users == nil {
		users = map[types.NamespacedName]int{}
		all[used] = users
	}
	before := users[user]
	if users[user] = before + by; users[user] == 0 {
		delete(users, user)
	}
	if len(users) == 0 {
		delete(all, used)
	}
	return before == 0 || before+by == 0
}

// attachedGateways returns the gateways that accepted the route, sorted.
func attachedGateways(result *resolve.RouteResult) []types.NamespacedName {
	var gateways []types.NamespacedName
	for _, parent := range result.Parents {
		if len(parent.Attached) > 0 && !slices.Contains(gateways, parent.Gateway) {
			gateways = append(gateways, parent.Gateway)
		}
	}
	return gateways
}

func sortedUsers(users map[types.NamespacedName]int) []types.NamespacedName {
	keys := make([]types.NamespacedName, 0, len(users))
	for key := range users {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, store.CompareKeys)
	return keys
}
