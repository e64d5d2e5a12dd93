// Package offline runs the control plane once over objects from files: what would each Envoy
// get, and what would each status say?
//
// Job: the answer without a cluster, for `kedify-gateway translate`, bug reports and goldens.
// Inputs: objects. Outputs: resources and statuses in a stable order.
// Ownership: none, a call runs to its end. It is the engine that the controller runs; nothing
// is written twice.
package offline

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/attachments"
	"github.com/kedify/inference-gateway/controllers/engine"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/ir/lookup"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Result is everything that the control plane would say.
type Result struct {
	Gateways []Gateway
	Statuses []status.Update
	// Generated are the objects that ScaledObjects become.
	Generated []client.Object
	// Problems of the objects, sorted by them.
	Problems []Problem
	// Skipped are kinds of objects that mean nothing to the control plane.
	Skipped []string

	attachments *attachments.Index
}

// Setting of a translation.
type Setting struct {
	// Programmed: statuses are those of a world in which an Envoy of every Gateway has accepted everything; otherwise no Envoy
	// exists.
	Programmed bool
	// ScalerAddress is where KEDA reaches the scaler of the installation, host:port.
	ScalerAddress string
	// Autowire: the command "wiring" runs.
	Autowire bool
}

// Gateway is the resources of one Gateway, sorted by type in the order of resource.Types and
// by name.
type Gateway struct {
	Key       types.NamespacedName
	Resources []resource.Resource
	// Tables are what the resources were rendered from.
	Tables lookup.Tables
}

// Translate computes the result for everything that files describe. What ScaledObjects become depends on the routes that are
// attached, and the statuses of HTTPScalers on those of their routes, so the engine and the plan run twice.
func Translate(scheme *runtime.Scheme, objects Objects, setting Setting) (Result, error) {
	objects.Watched = WithClass(objects.Watched)
	result, err := Run(scheme, objects.Watched, setting.Programmed)
	if err != nil {
		return Result{}, err
	}
	all := objects.Watched
	var made planned
	if len(objects.ScaledObjects) > 0 {
		made = plans(scheme, objects, setting, result.attachments)
		all = slices.Concat(objects.Watched, made.objects)
		if result, err = Run(scheme, all, setting.Programmed); err != nil {
			return Result{}, err
		}
		heard := objects
		heard.Watched = withStatuses(all, result.Statuses)
		again := plans(scheme, heard, setting, result.attachments)
		made.statuses, made.problems = again.statuses, again.problems
	}
	result.Generated, result.Skipped = made.objects, objects.Skipped
	result.Statuses = append(result.Statuses, made.statuses...)
	sortStatuses(result.Statuses)
	result.Problems = slices.Concat(
		made.problems, statusProblems(result.Statuses), missingParents(NewFinder(scheme, all, nil), all))
	sortProblems(result.Problems)
	return result, nil
}

func sortStatuses(statuses []status.Update) {
	slices.SortFunc(statuses, func(a, b status.Update) int {
		return cmp.Or(cmp.Compare(a.Object.Kind, b.Object.Kind), store.CompareKeys(a.Object.Key, b.Object.Key))
	})
}

// Run computes the result for a set of objects. With programmed set, statuses are those of a
// world in which an Envoy of every Gateway has accepted everything; otherwise no Envoy exists.
func Run(scheme *runtime.Scheme, objects []client.Object, programmed bool) (Result, error) {
	collected := &collector{
		resources: map[types.NamespacedName]map[resource.Key]resource.Resource{},
		statuses:  map[resolve.Object]status.Update{},
		ports:     map[types.NamespacedName]map[uint32]bool{},

		attachments: attachments.New(),
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
		for gateway, ports := range collected.ports {
			model.Deliver(gateway, engine.Delivery{Connected: 1, Ports: ports})
		}
		model.Flush()
	}
	return collected.result(model), collected.failure
}

// collector is an engine.Output that keeps everything.
type collector struct {
	resources map[types.NamespacedName]map[resource.Key]resource.Resource
	statuses  map[resolve.Object]status.Update
	ports     map[types.NamespacedName]map[uint32]bool
	// attachments of routes that lead to backends.
	attachments *attachments.Index
	failure     error
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
	ports := map[uint32]bool{}
	for _, port := range gateway.Infrastructure.Ports {
		ports[port.Port] = true
	}
	c.ports[gateway.Key] = ports
}

// Scaler takes nothing: what a trigger asks of an Envoy stands in resources.
func (c *collector) Scaler(types.NamespacedName, *scaler.Scaler) {}

// ModelPods implements engine.Output.
func (c *collector) ModelPods(types.NamespacedName, *scaler.ModelPods) {}

func (c *collector) Attachment(route resolve.Object, now *resolve.Attachment) {
	c.attachments.Set(route, now)
}

// Synced takes nothing: the world is complete from the start.
func (c *collector) Synced() {}

func (c *collector) RenderFailed(failure *engine.RenderFailure) {
	c.failure = cmp.Or(c.failure, fmt.Errorf("%s: %w", failure.Unit, failure.Err))
}

func (c *collector) result(model *engine.Model) Result {
	result := Result{attachments: c.attachments}
	for key, resources := range c.resources {
		gateway := Gateway{Key: key, Tables: model.Tables(key)}
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
	sortStatuses(result.Statuses)
	return result
}
