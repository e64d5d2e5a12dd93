package engine

import (
	"cmp"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Model is the whole control plane as values: objects in, changes out. It is not safe for
// concurrent use.
type Model struct {
	store  *store.Store
	kinds  map[store.Kind]kindUnits
	graph  *graph
	output Output
	render renderer
	// failures of units, by the objects that they are reported on.
	failures *failures

	gateways  *memo[types.NamespacedName, resolve.GatewayResult]
	routes    *memo[resolve.Object, resolve.RouteResult]
	pools     *memo[types.NamespacedName, resolve.PoolResult]
	hosts     *memo[hostKey, hostTable]
	wildcards *memo[chainKey, hostTable]
	ports     *memo[types.NamespacedName, []ir.Listener]
	listeners *memo[portKey, portListener]
	clusters  *memo[clusterKey, clusterResource]
	endpoints *memo[ir.ClusterKey, resource.Resource]
	secrets   *memo[secretKey, resource.Resource]
	scalers   *memo[types.NamespacedName, scaler.Scaler]
	modelPods *memo[types.NamespacedName, scaler.ModelPods]
	statuses  *memo[resolve.Object, status.Update]

	fragments  *fragmentIndex
	usage      *usage
	owners     map[secretKey][]ownedSecret // of secrets
	deliveries map[types.NamespacedName]Delivery
	problems   map[types.NamespacedName]string // of data planes
	// addressFailures are what kept Services for addresses of data planes from being made.
	addressFailures map[types.NamespacedName]string
	// proxiesWait is what the Pods of proxies wait for that are not connected.
	proxiesWait map[types.NamespacedName]string
	earlier     *earlier
	setting     class.Setting

	tables map[types.NamespacedName]*tables

	// What the next publish sends, by gateway; nil removes. The last change of a resource wins.
	pending map[types.NamespacedName]map[resource.Key]*resource.Resource
	fresh   []types.NamespacedName // gateways whose first set of resources is being gathered
	gone    []types.NamespacedName // gateways that the output forgot in this flush
	synced  bool
	flushed bool // the output knows of the first flush
	rested  bool // the flush had a pause before it publishes
}

// New returns an empty model in a setting; Installed changes the CRDs of it.
func New(output Output, setting class.Setting) *Model {
	m := &Model{
		store: store.NewWithin(setting.Watched), graph: newGraph(), output: output, setting: setting, render: newRenderer(),
		fragments: newFragmentIndex(), usage: newUsage(),
		owners:     map[secretKey][]ownedSecret{},
		deliveries: map[types.NamespacedName]Delivery{},
		problems:   map[types.NamespacedName]string{},

		addressFailures: map[types.NamespacedName]string{},
		proxiesWait:     map[types.NamespacedName]string{},

		tables:  map[types.NamespacedName]*tables{},
		pending: map[types.NamespacedName]map[resource.Key]*resource.Resource{},
		earlier: newEarlier(),
	}
	m.failures = newFailures(m.graph, output)
	m.newObjectMemos()
	m.newResourceMemos()
	m.kinds = m.kindUnits()
	return m
}

// Set stores an object that appeared or changed. It reports whether the change means
// anything to the model.
func (m *Model) Set(kind store.Kind, object client.Object) bool {
	key := store.KeyOf(object)
	old := m.store.Object(kind, key)
	if old != nil && store.Same(old, object) {
		m.store.Replace(kind, object)
		return false
	}
	m.graph.touch(m.store.Set(kind, object)...)
	if old == nil {
		m.noteEarlier(kind, object)
		m.renewUnits(kind, key)
	}
	return true
}

// Delete removes an object that vanished.
func (m *Model) Delete(kind store.Kind, key types.NamespacedName) {
	if m.store.Object(kind, key) == nil {
		return
	}
	m.graph.touch(m.store.Delete(kind, key)...)
	delete(m.earlier.statuses, resolve.Object{Kind: kind, Key: key})
	m.dropUnits(kind, key)
}

// Deliver sets which configuration the proxies of a gateway have.
func (m *Model) Deliver(gateway types.NamespacedName, delivery Delivery) {
	before := m.deliveries[gateway]
	m.deliveries[gateway] = delivery
	m.graph.touch(deliveryDep{gateway})
	for _, rejections := range [][]Rejection{before.Rejected, delivery.Rejected} {
		for _, rejection := range rejections {
			m.touchRejected(rejection.Sources)
		}
	}
	if delivery.Synced {
		m.decided(gateway)
	}
}

// Installed takes the CRDs of the Gateway API in the cluster; the order does not matter.
// Without it, those that the program was built against are assumed.
func (m *Model) Installed(crds class.Installed) bool {
	crds = slices.Clone(crds)
	slices.SortFunc(crds, func(a, b class.CRD) int {
		return cmp.Or(cmp.Compare(a.Bundle, b.Bundle), cmp.Compare(a.Channel, b.Channel))
	})
	if slices.Equal(m.setting.Installed, crds) {
		return false
	}
	m.setting.Installed = crds
	m.graph.touch(installedDep{})
	return true
}

// Serve takes whether the API server serves a kind. Without it, it does.
func (m *Model) Serve(kind store.Kind, served bool) bool {
	touched := m.store.Serve(kind, served)
	m.graph.touch(touched...)
	return len(touched) > 0
}

// Built takes whether the data plane of a gateway could be made. A problem is a rejection
// that the Gateway caused itself.
func (m *Model) Built(gateway types.NamespacedName, problem string) bool {
	return m.note(m.problems, gateway, problem)
}

// Addressed takes what the API server said of the Services of a gateway that could not be made for its addresses. The
// rest of the data plane is as it should be.
func (m *Model) Addressed(gateway types.NamespacedName, failure string) bool {
	return m.note(m.addressFailures, gateway, failure)
}

// ProxiesWait takes what the Pods of the proxies of a gateway wait for, while none is connected.
func (m *Model) ProxiesWait(gateway types.NamespacedName, reason string) bool {
	return m.note(m.proxiesWait, gateway, reason)
}

func (m *Model) note(texts map[types.NamespacedName]string, gateway types.NamespacedName, text string) bool {
	if texts[gateway] == text {
		return false
	}
	texts[gateway] = text
	if text == "" {
		delete(texts, gateway)
	}
	m.touchRejected([]ir.Source{gatewaySource(gateway)})
	return true
}

func (m *Model) touchRejected(sources []ir.Source) {
	for _, source := range sources {
		m.graph.touch(rejectedOf(source))
	}
}

func gatewaySource(gateway types.NamespacedName) ir.Source {
	return sourceOf(store.Gateway, gateway)
}

// Synced says that every object that existed at the start has been set. Before it, Flush
// does nothing: a half-read world must not reach a proxy or a status.
func (m *Model) Synced() { m.synced = true }

// upsert replaces one resource of a gateway; either side may be nil.
func (m *Model) upsert(gateway types.NamespacedName, old, new *resource.Resource) {
	if old != nil && (new == nil || new.Key != old.Key) {
		m.pend(gateway, old.Key, nil)
	}
	if new != nil && (old == nil || !sameResource(old, new)) {
		m.pend(gateway, new.Key, new)
	}
}

func (m *Model) pend(gateway types.NamespacedName, key resource.Key, new *resource.Resource) {
	if m.pending[gateway] == nil {
		m.pending[gateway] = map[resource.Key]*resource.Resource{}
	}
	m.pending[gateway][key] = new
}

// renewGone publishes everything of the gateways that were deleted and created again between two
// flushes: the output forgot them, while the results of many units are the same as before.
func (m *Model) renewGone() {
	for _, gateway := range m.gone {
		delete(m.pending, gateway) // removals of what the output forgot
		if m.gateways.get(gateway) != nil {
			m.eachResource(gateway, func(r *resource.Resource) { m.pend(gateway, r.Key, r) })
		}
	}
	m.gone = nil
}

// eachResource visits the resources of a gateway, in no order.
func (m *Model) eachResource(gateway types.NamespacedName, visit func(*resource.Resource)) {
	m.hosts.each(func(key hostKey, table *hostTable) {
		if key.gateway == gateway {
			visit(&table.scope)
			visit(&table.routes)
		}
	})
	m.wildcards.each(func(key chainKey, table *hostTable) {
		if key.gateway == gateway {
			visit(&table.scope)
			visit(&table.routes)
		}
	})
	m.listeners.each(func(key portKey, listener *portListener) {
		if key.gateway == gateway {
			visit(&listener.resource)
		}
	})
	m.clusters.each(func(key clusterKey, cluster *clusterResource) {
		if key.gateway == gateway {
			visit(&cluster.resource)
		}
	})
	m.endpoints.each(func(key ir.ClusterKey, endpoints *resource.Resource) {
		if slices.Contains(m.usage.gateways[key], gateway) {
			visit(endpoints)
		}
	})
	m.secrets.each(func(key secretKey, secret *resource.Resource) {
		if key.gateway == gateway {
			visit(secret)
		}
	})
}

// publish hands on what is pending. What a panic kept from the output stays pending, and a gateway that
// lacks a part of its resources is not ready.
func (m *Model) publish() {
	for gateway, pending := range m.pending {
		if m.gateways.get(gateway) == nil || m.send(gateway, changeOf(pending)) {
			delete(m.pending, gateway)
		}
	}
	m.fresh = slices.DeleteFunc(m.fresh, func(gateway types.NamespacedName) bool {
		if m.gateways.get(gateway) == nil {
			return true
		}
		if m.pending[gateway] != nil {
			return false
		}
		m.output.Ready(gateway)
		return true
	})
}

// send publishes a change, and reports whether it did. A panic is the fault of this gateway alone.
func (m *Model) send(gateway types.NamespacedName, change resource.Change) bool {
	err := contain.Do(func() { m.output.Publish(gateway, change) })
	if err != nil {
		m.failedStep("resources of Gateway "+gateway.String(), err)
	}
	return err == nil
}

func deepEqual[V any](a, b *V) bool { return reflect.DeepEqual(a, b) }

// sameResource compares the sources as well: a rejection is reported on the objects that shape a
// resource now. So is the picker of a pool: its cluster is rendered to the same bytes with another one.
func sameResource(a, b *resource.Resource) bool {
	return a.Key == b.Key && a.Version == b.Version && slices.Equal(a.Sources, b.Sources) && a.Picker() == b.Picker()
}

// changeOf puts pending resources in a stable order.
func changeOf(pending map[resource.Key]*resource.Resource) (change resource.Change) {
	for key, r := range pending {
		if r == nil {
			change.Remove = append(change.Remove, key)
		} else {
			change.Upsert = append(change.Upsert, *r)
		}
	}
	slices.SortFunc(change.Upsert, func(a, b resource.Resource) int { return compareResources(a.Key, b.Key) })
	slices.SortFunc(change.Remove, compareResources)
	return change
}

func compareResources(a, b resource.Key) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
}
