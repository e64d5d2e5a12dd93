package engine

import (
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// secretKey is one secret of a gateway.
type secretKey struct {
	gateway types.NamespacedName
	name    string
}

// secretOwner needs a secret: the gateway itself, or the cluster of that name.
type secretOwner string

const gatewayOwner secretOwner = ""

// ownedSecret is a secret as one of its owners knows it.
type ownedSecret struct {
	owner  secretOwner
	secret ir.Secret
}

// setSecrets replaces the secrets that an owner needs.
func (m *Model) setSecrets(gateway types.NamespacedName, owner secretOwner, old, new []ir.Secret) {
	for _, secret := range new {
		key := secretKey{gateway, secret.Name}
		kept := slices.IndexFunc(old, func(other ir.Secret) bool { return other.Name == secret.Name })
		if kept >= 0 && reflect.DeepEqual(old[kept], secret) {
			continue
		}
		if kept < 0 {
			m.secrets.want(key)
		}
		m.owners[key] = append(m.withoutOwner(key, owner), ownedSecret{owner, secret})
		m.graph.touch(key)
	}
	for _, secret := range old {
		if slices.ContainsFunc(new, func(other ir.Secret) bool { return other.Name == secret.Name }) {
			continue
		}
		key := secretKey{gateway, secret.Name}
		if m.owners[key] = m.withoutOwner(key, owner); len(m.owners[key]) == 0 {
			delete(m.owners, key)
		}
		m.secrets.drop(key)
		m.graph.touch(key)
	}
}

func (m *Model) withoutOwner(key secretKey, owner secretOwner) []ownedSecret {
	return slices.DeleteFunc(m.owners[key], func(o ownedSecret) bool { return o.owner == owner })
}

// computeSecret renders a secret as the owner that changed last knows it. The owners agree,
// unless one of them failed and still has what it knew before.
func (m *Model) computeSecret(key secretKey, c *computation) (*resource.Resource, error) {
	c.record(key)
	owners := m.owners[key]
	if len(owners) == 0 {
		return nil, nil
	}
	secret := owners[len(owners)-1].secret
	c.sources = func() []ir.Source { return []ir.Source{secret.Source} }
	rendered, err := m.render.secret(secret)
	return &rendered, err
}

func (m *Model) flushSecrets() {
	for _, change := range m.secrets.flush(never) {
		m.upsert(change.key.gateway, change.old, change.new)
	}
}
