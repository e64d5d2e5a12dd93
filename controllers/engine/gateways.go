package engine

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/listener"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

func (m *Model) computeGateway(key types.NamespacedName, record func(store.Dep)) *resolve.GatewayResult {
	record(installedDep{})
	result := listener.Gateway(m.store.View(record), key, m.setting)
	if !result.Owned {
		return nil
	}
	if before := m.gateways.get(key); before != nil && result.ParametersInvalid() {
		listener.KeepParameters(m.store.View(record), &result, *before)
	}
	return &result
}

// gateway reads the result of a Gateway for another unit.
func (m *Model) gateway(key types.NamespacedName, record func(store.Dep)) resolve.GatewayResult {
	record(gatewayDep{key})
	if result := m.gateways.get(key); result != nil {
		return *result
	}
	return resolve.GatewayResult{}
}

func (m *Model) flushGateways() {
	for _, change := range m.gateways.flush(never) {
		m.graph.touch(gatewayDep{change.key})
		if change.new == nil {
			m.dropGateway(change.key, change.old)
			continue
		}
		if change.old == nil {
			m.ports.want(change.key)
			m.fresh = append(m.fresh, change.key)
		}
		m.setSecrets(change.key, gatewayOwner, secretsOf(change.old), change.new.Secrets)
		m.exchange(useOfGateway(change.old), useOfGateway(change.new))
		m.wantTables(change.key, change.new)
		m.output.DataPlane(change.new)
	}
}

// dropGateway forgets a gateway. Its routes find it missing when they are computed anew, and
// take their fragments with them.
func (m *Model) dropGateway(key types.NamespacedName, old *resolve.GatewayResult) {
	m.ports.drop(key)
	m.wantTables(key, &resolve.GatewayResult{})
	m.setSecrets(key, gatewayOwner, old.Secrets, nil)
	m.exchange(useOfGateway(old), use{})
	for _, rejection := range m.deliveries[key].Rejected {
		m.touchRejected(rejection.Sources)
	}
	delete(m.deliveries, key)
	delete(m.problems, key)
	delete(m.addressFailures, key)
	delete(m.proxiesWait, key)
	m.gone = append(m.gone, key)
	m.output.Forget(key)
}

func secretsOf(result *resolve.GatewayResult) []ir.Secret {
	if result == nil {
		return nil
	}
	return result.Secrets
}

// tables are the host tables of a gateway, and what decides which ones it needs.
type tables struct {
	chainOf map[resolve.ListenerID]string // listeners that serve HTTP
	members map[string][]resolve.Listener // chain -> its listeners
	hosts   map[hostKey]bool              // wanted tables
}

// wantTables wants the host tables of a gateway anew: which hostname is served by which
// chain depends on all of its listeners.
func (m *Model) wantTables(key types.NamespacedName, result *resolve.GatewayResult) {
	old, wanted := m.tables[key], m.tablesOf(key, result)
	for chain := range wanted.members {
		m.wildcards.want(chainKey{key, chain})
	}
	for host := range wanted.hosts {
		m.hosts.want(host)
	}
	if old != nil {
		for chain := range old.members {
			m.wildcards.drop(chainKey{key, chain})
		}
		for host := range old.hosts {
			m.hosts.drop(host)
		}
	}
	m.tables[key] = wanted
	if len(wanted.members) == 0 {
		delete(m.tables, key)
	}
}

func (m *Model) tablesOf(key types.NamespacedName, result *resolve.GatewayResult) *tables {
	t := &tables{
		chainOf: map[resolve.ListenerID]string{},
		members: map[string][]resolve.Listener{},
		hosts:   map[hostKey]bool{},
	}
	for _, listener := range result.Listeners {
		if listener.Chain == "" || !listener.ServesHTTP() {
			continue
		}
		t.chainOf[listener.ID] = listener.Chain
		t.members[listener.Chain] = append(t.members[listener.Chain], listener)
		if listener.Hostname != "" && !isWildcard(listener.Hostname) {
			t.hosts[hostKey{key, listener.Chain, listener.Hostname}] = true
		}
	}
	for fragment := range m.fragments.exact[key] {
		if chain, ok := t.chainOf[fragment.listener]; ok {
			t.hosts[hostKey{key, chain, fragment.hostname}] = true
		}
	}
	return t
}

// wantTable wants or drops one table, after fragments of its hostname came or went.
func (m *Model) wantTable(fragment fragmentKey) {
	t := m.tables[fragment.gateway]
	if t == nil {
		return // the gateway is gone, and its tables with it
	}
	chain := t.chainOf[fragment.listener] // a listener without HTTP has none, and "" has no members
	key := hostKey{fragment.gateway, chain, fragment.hostname}
	for _, listener := range t.members[chain] {
		at := fragmentKey{fragment.gateway, listener.ID, fragment.hostname}
		if listener.Hostname == fragment.hostname || len(m.fragments.at[at]) > 0 {
			if !t.hosts[key] {
				t.hosts[key] = true
				m.hosts.want(key)
			}
			return
		}
	}
	if t.hosts[key] {
		delete(t.hosts, key)
		m.hosts.drop(key)
	}
}
