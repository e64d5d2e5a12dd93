package engine

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// usage counts which gateways use which pools and Services.
type usage struct {
	pools    map[types.NamespacedName]map[types.NamespacedName]int // pool -> gateway -> routes
	services map[types.NamespacedName]map[types.NamespacedName]int // Service -> gateway -> routes
	demands  map[types.NamespacedName]map[types.NamespacedName]int // HTTPScaler -> gateway -> routes
	gateways map[ir.ClusterKey][]types.NamespacedName
}

// clusterKey is a cluster of one gateway.
type clusterKey struct {
	gateway types.NamespacedName
	cluster ir.ClusterKey
}

func newUsage() *usage {
	return &usage{
		pools:    map[types.NamespacedName]map[types.NamespacedName]int{},
		services: map[types.NamespacedName]map[types.NamespacedName]int{},
		demands:  map[types.NamespacedName]map[types.NamespacedName]int{},
		gateways: map[ir.ClusterKey][]types.NamespacedName{},
	}
}

// count adjusts the counters by what a route uses and returns the deps that were touched.
func (u *usage) count(result *resolve.RouteResult, by int) (touched []store.Dep) {
	for _, gateway := range attachedGateways(result) {
		for _, cluster := range result.Clusters {
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
		for _, pool := range result.Pools {
			if adjust(u.pools, pool, gateway, by) {
				touched = append(touched, poolUsersDep{pool})
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
