package pickers

import (
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// Facts are what the engine said about the pickers of a gateway. They have no lock.
type Facts struct {
	// clusters are those of pools, by name; of are their names, by that of the endpoints that they share.
	clusters map[string]resource.Resource
	of       map[string]map[string]struct{}
	pickers  map[string]*ir.Cluster // by name of the cluster
	bundles  map[string][]byte      // of CAs, by name of the Secret
}

// NewFacts returns Facts of a gateway without pools.
func NewFacts() Facts {
	return Facts{
		clusters: map[string]resource.Resource{}, of: map[string]map[string]struct{}{},
		pickers: map[string]*ir.Cluster{}, bundles: map[string][]byte{},
	}
}

// Set notes a resource.
func (f *Facts) Set(r *resource.Resource) {
	f.Remove(r.Key)
	switch {
	case r.Type == resource.Secret && r.CA != nil:
		f.bundles[r.Name] = r.CA
	case r.Type != resource.Cluster || r.Backend == nil:
	case r.Backend.Pool == nil:
		f.pickers[r.Name] = r.Backend
	case r.Picker() != ir.ClusterKey{}:
		f.clusters[r.Name] = *r
		if f.of[r.Companion] == nil {
			f.of[r.Companion] = map[string]struct{}{}
		}
		f.of[r.Companion][r.Name] = struct{}{}
	}
}

// Remove forgets a resource.
func (f *Facts) Remove(key resource.Key) {
	switch key.Type {
	case resource.Secret:
		delete(f.bundles, key.Name)
	case resource.Cluster:
		delete(f.pickers, key.Name)
		if pool, ok := f.clusters[key.Name]; ok {
			delete(f.clusters, key.Name)
			if delete(f.of[pool.Companion], key.Name); len(f.of[pool.Companion]) == 0 {
				delete(f.of, pool.Companion)
			}
		}
	default:
	}
}

// picker returns the cluster of the picker of a pool, by the name of its endpoints; nil: it has none that can be asked. All
// clusters of a pool have the same one.
func (f *Facts) picker(endpoints string) *ir.Cluster {
	for name := range f.of[endpoints] {
		pool := f.clusters[name]
		return f.pickers[translate.ClusterName(pool.Picker())]
	}
	return nil
}

// Question is what the pickers of a pool are asked; nil: it has none. The pool is the name of its endpoints; wanted are all assignments of
// endpoints of the gateway, by name.
func (f *Facts) Question(pool string, endpoints []ir.Endpoint, wanted map[string]resource.Resource) *Question {
	picker := f.picker(pool)
	if picker == nil {
		return nil
	}
	q := &Question{
		Tenant: picker.Key.Namespace, Authority: translate.ClusterName(picker.Key), FailOpen: picker.Key.FailOpen,
		TLS: picker.TLS, Endpoints: endpoints,
	}
	if picker.TLS != nil {
		q.CA = f.bundles[translate.SecretName(picker.TLS.CA)]
	}
	if found := wanted[translate.EndpointsName(picker.Key)].Endpoints; found != nil {
		q.Pickers = found.Addresses
	}
	return q
}
