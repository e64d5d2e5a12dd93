package engine

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve/backend"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// clusterResource is a cluster of a gateway on the wire, with the secrets it needs.
type clusterResource struct {
	resource resource.Resource
	secrets  []ir.Secret
}

func sameCluster(a, b *clusterResource) bool {
	return sameResource(&a.resource, &b.resource) && deepEqual(&a.secrets, &b.secrets)
}

func (m *Model) computeCluster(key clusterKey, c *computation) (*clusterResource, error) {
	gateway := m.gateway(key.gateway, c.record)
	result := backend.Cluster(m.store.View(c.record), key.cluster, gateway.ClientCertificate)
	if !result.Exists {
		return nil, nil
	}
	if key.cluster.Application() {
		result.Cluster.Fields = gateway.ClusterFields
	}
	c.sources = func() []ir.Source { return []ir.Source{result.Cluster.Source} }
	rendered, err := m.render.cluster(result.Cluster)
	return &clusterResource{resource: rendered, secrets: result.Secrets}, err
}

func (m *Model) computeEndpoints(key ir.ClusterKey, c *computation) (*resource.Resource, error) {
	rendered, err := m.render.endpoints(backend.Endpoints(m.store.View(c.record), key))
	return &rendered, err
}

func (m *Model) flushClusters() {
	changes := m.clusters.flush(never)
	for _, change := range changes { // first, so that endpoints that another cluster still uses are not sent again
		if change.old == nil {
			m.useEndpoints(change.key.gateway, change.key.cluster.Endpoints())
		}
	}
	for _, change := range changes {
		gateway := change.key.gateway
		var old, new clusterResource
		var oldResource, newResource *resource.Resource
		if change.old != nil {
			old, oldResource = *change.old, &change.old.resource
		}
		if change.new != nil {
			new, newResource = *change.new, &change.new.resource
		}
		m.setSecrets(gateway, secretOwner(change.key.cluster.String()), old.secrets, new.secrets)
		m.upsert(gateway, oldResource, newResource)
		if change.new == nil {
			m.unuseEndpoints(gateway, change.key.cluster.Endpoints())
		}
	}
}

// useEndpoints delivers the endpoints of a backend to a gateway from now on.
func (m *Model) useEndpoints(gateway types.NamespacedName, key ir.ClusterKey) {
	users := m.usage.gateways[key]
	m.usage.gateways[key] = append(users, gateway)
	m.endpoints.want(key)
	if known := m.endpoints.get(key); known != nil && !slices.Contains(users, gateway) {
		m.upsert(gateway, nil, known)
	}
}

func (m *Model) unuseEndpoints(gateway types.NamespacedName, key ir.ClusterKey) {
	users := m.usage.gateways[key]
	at := slices.Index(users, gateway)
	users = slices.Delete(users, at, at+1)
	m.usage.gateways[key] = users
	if !slices.Contains(users, gateway) {
		if known := m.endpoints.get(key); known != nil {
			m.upsert(gateway, known, nil)
		}
	}
	if len(users) == 0 {
		delete(m.usage.gateways, key)
	}
	m.endpoints.drop(key)
}

func (m *Model) flushEndpoints() {
	for _, change := range m.endpoints.flush(never) {
		users := m.usage.gateways[change.key]
		for i, gateway := range users {
			if !slices.Contains(users[:i], gateway) {
				m.upsert(gateway, change.old, change.new)
			}
		}
	}
}
