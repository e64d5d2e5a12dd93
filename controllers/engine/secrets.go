package engine

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// secretOwner is who needs a secret: the gateway itself, or one of its clusters.
type secretOwner string

const gatewayOwner secretOwner = ""

// secretSet is the secrets of one gateway. Several owners may need the same one.
type secretSet struct {
	byOwner   map[secretOwner][]ir.Secret
	published map[string]resource.Resource
	dirty     bool
}

func (m *Model) setSecrets(gateway types.NamespacedName, owner secretOwner, secrets []ir.Secret) {
	set, ok := m.secrets[gateway]
	if !ok {
		if len(secrets) == 0 {
			return
		}
		set = &secretSet{byOwner: map[secretOwner][]ir.Secret{}, published: map[string]resource.Resource{}}
		m.secrets[gateway] = set
	}
	if len(secrets) == 0 && len(set.byOwner[owner]) == 0 {
		return
	}
	set.byOwner[owner] = secrets
	if len(secrets) == 0 {
		delete(set.byOwner, owner)
	}
	set.dirty = true
}

func (m *Model) flushSecrets() {
	for gateway, set := range m.secrets {
		if set.dirty {
			set.dirty = false
			m.replaceSecrets(gateway, set)
		}
	}
}

func (m *Model) replaceSecrets(gateway types.NamespacedName, set *secretSet) {
	wanted := map[string]resource.Resource{}
	for _, secrets := range set.byOwner {
		for _, secret := range secrets {
			if _, ok := wanted[secret.Name]; ok {
				continue
			}
			r, err := translate.Secret(secret)
			if m.fault(faultKey{gateway, "secret " + secret.Name}, []ir.Source{secret.Source}, err) {
				continue
			}
			wanted[secret.Name] = r
		}
	}
	m.replaceAll(gateway, values(set.published), values(wanted))
	set.published = wanted
}

func values(all map[string]resource.Resource) []resource.Resource {
	sorted := make([]resource.Resource, 0, len(all))
	for _, r := range all {
		sorted = append(sorted, r)
	}
	slices.SortFunc(sorted, func(a, b resource.Resource) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return sorted
}
