package engine

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve/backend"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// clusterResource is a cluster of a gateway on the wire, with the secrets it needs.
type clusterResource struct {
	resource resource.Resource
	secrets  []ir.Secret
}

func sameCluster(a, b *clusterResource) bool {
	return sameResource(&a.resource, &b.resource) && deepEqual(&a.secrets, &b.secrets)
}

func (m *Model) computeCluster(key clusterKey, record func(store.Dep)) *clusterResource {
	gateway := m.gateway(key.gateway, record)
	result := backend.Cluster(m.store.View(record), key.cluster, gateway.ClientCertificate)
	if !result.Exists {
		return nil
	}
	r, err := translate.Cluster(result.Cluster)
	if m.fault(faultKey{key.gateway, "cluster " + key.cluster.String()}, []ir.Source{result.Cluster.Source}, err) {
		return nil
	}
	return &clusterResource{resource: r, secrets: result.Secrets}
}

func (m *Model) computeEndpoints(key ir.ClusterKey, record func(store.Dep)) *resource.Resource {
	r, err := translate.Endpoints(backend.Endpoints(m.store.View(record), key))
	if m.fault(faultKey{name: "endpoints " + key.String()}, nil, err) {
		return nil
	}
	return &r
}

func (m *Model) flushClusters() {
	for _, change := range m.clusters.flush() {
		gateway, endpoints := change.key.gateway, change.key.cluster.Endpoints()
		owner := secretOwner(change.key.cluster.String())
		if change.new == nil {
			m.upsert(gateway, &change.old.resource, nil)
			m.setSecrets(gateway, owner, nil)
			m.unuseEndpoints(gateway, endpoints)
			continue
		}
		var old *resource.Resource
		if change.old != nil {
			old = &change.old.resource
		} else {
			m.useEndpoints(gateway, endpoints)
		}
		m.setSecrets(gateway, owner, change.new.secrets)
		m.upsert(gateway, old, &change.new.resource)
	}
}

// useEndpoints delivers the endpoints of a backend to a gateway from now on.
func (m *Model) useEndpoints(gateway types.NamespacedName, key ir.ClusterKey) {
	m.usage.gateways[key] = append(m.usage.gateways[key], gateway)
	m.endpoints.want(key)
	if known := m.endpoints.get(key); known != nil {
		m.upsert(gateway, nil, known)
	}
}

func (m *Model) unuseEndpoints(gateway types.NamespacedName, key ir.ClusterKey) {
	users := m.usage.gateways[key]
	at := slices.Index(users, gateway)
	if at < 0 {
		return
	}
	users = slices.Delete(users, at, at+1)
	m.usage.gateways[key] = users
	if !slices.Contains(users, gateway) {
		if known := m.endpoints.get(key); known != nil {
			m.upsert(gateway, known, nil)
		}
	}
	if len(users) == 0 {
		delete(m.usage.gateways, key)
		m.endpoints.drop(key)
	}
}

func (m *Model) flushEndpoints() {
	for _, change := range m.endpoints.flush() {
		users := m.usage.gateways[change.key]
		for i, gateway := range users {
			if !slices.Contains(users[:i], gateway) {
				m.upsert(gateway, change.old, change.new)
			}
		}
	}
}
