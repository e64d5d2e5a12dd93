package hold

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// demands are the demand keys that clusters of a gateway count, by the endpoints that the
// clusters use.
type demands struct {
	byEndpoints map[string]map[string]types.NamespacedName // by name of the cluster
	endpoints   map[types.NamespacedName]map[string]struct{}
	clusters    map[string]string // their endpoints
}

func newDemands() demands {
	return demands{
		byEndpoints: map[string]map[string]types.NamespacedName{},
		endpoints:   map[types.NamespacedName]map[string]struct{}{},
		clusters:    map[string]string{},
	}
}

// set replaces what is known of a cluster.
func (d *demands) set(r *resource.Resource) {
	d.remove(r.Name)
	if r.Demand == (ir.Key{}) {
		return
	}
	endpoints, key := r.Companion, types.NamespacedName(r.Demand)
	d.clusters[r.Name] = endpoints
	if d.byEndpoints[endpoints] == nil {
		d.byEndpoints[endpoints] = map[string]types.NamespacedName{}
	}
	d.byEndpoints[endpoints][r.Name] = key
	if d.endpoints[key] == nil {
		d.endpoints[key] = map[string]struct{}{}
	}
	d.endpoints[key][endpoints] = struct{}{}
}

// remove forgets a cluster.
func (d *demands) remove(cluster string) {
	endpoints, ok := d.clusters[cluster]
	if !ok {
		return
	}
	key := d.byEndpoints[endpoints][cluster]
	delete(d.clusters, cluster)
	delete(d.byEndpoints[endpoints], cluster)
	if len(d.byEndpoints[endpoints]) == 0 {
		delete(d.byEndpoints, endpoints)
	}
	for _, other := range d.byEndpoints[endpoints] {
		if other == key {
			return
		}
	}
	delete(d.endpoints[key], endpoints)
	if len(d.endpoints[key]) == 0 {
		delete(d.endpoints, key)
	}
}
