package engine

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve/route"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/lookup"
)

// Tables returns what a gateway serves, in the words of the IR. The model keeps tables as they are rendered, so each is made
// anew; it is for the questions of a person.
func (m *Model) Tables(key types.NamespacedName) lookup.Tables {
	unrecorded := func(store.Dep) {}
	tables := lookup.Tables{
		Listeners: slices.Clone(portsOf(m.ports.get(key))), Hosts: map[lookup.Place]ir.Host{}, Wildcards: map[string]ir.Wildcards{},
	}
	gateway, at := m.gateway(key, unrecorded), m.fragments.reader(key, unrecorded)
	m.hosts.each(func(place hostKey, _ *hostTable) {
		if place.gateway != key {
			return
		}
		if host, ok := route.Host(gateway, place.chain, place.hostname, at); ok {
			tables.Hosts[lookup.Place{Chain: place.chain, Hostname: place.hostname}] = host
		}
	})
	m.wildcards.each(func(place chainKey, _ *hostTable) {
		if place.gateway == key {
			tables.Wildcards[place.chain] = m.wildcardsOf(place, unrecorded)
		}
	})
	return tables
}
