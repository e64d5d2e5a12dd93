// Package offline runs the control plane once over objects from files: what would each Envoy
// get, and what would each status say?
//
// Job: the answer without a cluster, for `kedify-gateway translate`, bug reports and goldens.
// Inputs: objects. Outputs: resources and statuses in a stable order.
// Ownership: none, a call runs to its end. It is the engine that the controller runs; nothing
// is written twice.
package offline

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/engine"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Result is everything that the control plane would say.
type Result struct {
	Gateways []Gateway
	Statuses []status.Update
}

// Gateway is the resources of one Gateway, sorted by type in the order of resource.Types and
// by name.
type Gateway struct {
	Key       types.NamespacedName
	Resources []resource.Resource
}

// Run computes the result for a set of objects. With programmed set, statuses are those of a
// world in which an Envoy of every Gateway has accepted everything; otherwise no Envoy exists.
func Run(scheme *runtime.Scheme, objects []client.Object, programmed bool) (Result, error) {
	collected := &collector{
		resources: map[types.NamespacedName]map[resource.Key]resource.Resource{},
		statuses:  map[resolve.Object]status.Update{},
	}
	model := engine.New(collected, class.Setting{})
	for _, object := range objects {
		kind, ok := KindOf(scheme, object)
		if !ok {
			return Result{}, fmt.Errorf("%T is not watched", object)
		}
		model.Set(kind, object)
	}
	model.Synced()
	model.Flush()
	if programmed {
		for gateway, listeners := range collected.listeners() {
			model.Deliver(gateway, engine.Delivery{Connected: 1, Ports: listeners})
		}
		model.Flush()
	}
	return collected.result(), collected.failure
}

// collector is an engine.Output that keeps everything.
type collector struct {
	resources map[types.NamespacedName]map[resource.Key]resource.Resource
	statuses  map[resolve.Object]status.Update
	ports     map[types.NamespacedName]map[uint32]bool
	failure   error
}

func (c *collector) Publish(gateway types.NamespacedName, change resource.Change) {
	if c.resources[gateway] == nil {
		c.resources[gateway] = map[resource.Key]resource.Resource{}
	}
	for _, r := range change.Upsert {
		c.resources[gateway][r.Key] = r
	}
	for _, key := range change.Remove {
		delete(c.resources[gateway], key)
	}
}

func (c *collector) Forget(gateway types.NamespacedName) { delete(c.resources, gateway) }
func (c *collector) Ready(types.NamespacedName)          {}

func (c *collector) Status(update status.Update) {
	if update.Value == nil {
		delete(c.statuses, update.Object)
		return
	}
	c.statuses[update.Object] = update
}

func (c *collector) DataPlane(gateway *resolve.GatewayResult) {
	if c.ports == nil {
		c.ports = map[types.NamespacedName]map[uint32]bool{}
	}
	ports := map[uint32]bool{}
	for _, port := range gateway.Infrastructure.Ports {
		ports[port.Port] = true
	}
	c.ports[gateway.Key] = ports
}

// Scaler takes nothing: what a trigger asks of an Envoy stands in resources.
func (c *collector) Scaler(types.NamespacedName, *scaler.Scaler) {}

// Attachment takes nothing: statuses say which parents accepted a route.
func (c *collector) Attachment(resolve.Object, *resolve.Attachment) {}

// Synced takes nothing: the world is complete from the start.
func (c *collector) Synced() {}

func (c *collector) RenderFailed(failure *engine.RenderFailure) {
	c.failure = cmp.Or(c.failure, fmt.Errorf("%s: %w", failure.Unit, failure.Err))
}

func (c *collector) listeners() map[types.NamespacedName]map[uint32]bool { return c.ports }

func (c *collector) result() Result {
	var result Result
	for key, resources := range c.resources {
		gateway := Gateway{Key: key}
		for _, r := range resources {
			gateway.Resources = append(gateway.Resources, r)
		}
		slices.SortFunc(gateway.Resources, func(a, b resource.Resource) int {
			return cmp.Or(cmp.Compare(slices.Index(resource.Types, a.Type), slices.Index(resource.Types, b.Type)), cmp.Compare(a.Name, b.Name))
		})
		result.Gateways = append(result.Gateways, gateway)
	}
	slices.SortFunc(result.Gateways, func(a, b Gateway) int { return store.CompareKeys(a.Key, b.Key) })
	for _, update := range c.statuses {
		result.Statuses = append(result.Statuses, update)
	}
	slices.SortFunc(result.Statuses, func(a, b status.Update) int {
		return cmp.Or(cmp.Compare(a.Object.Kind, b.Object.Kind), store.CompareKeys(a.Object.Key, b.Object.Key))
	})
	return result
}

func newReader(data []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(data)) }
