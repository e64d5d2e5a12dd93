package plane

import (
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/engine"
	"github.com/kedify/inference-gateway/controllers/infra"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/stage"
)

// output is the Output of the engine: it hands everything on.
type output struct {
	stages stage.Stage
	plane  *Plane
}

var _ engine.Output = (*output)(nil)

// Publish is engine.Output.
func (o *output) Publish(gateway types.NamespacedName, change resource.Change) {
	o.stages.Apply(ir.Key(gateway), change)
}

// Ready is engine.Output.
func (o *output) Ready(gateway types.NamespacedName) { o.stages.Ready(ir.Key(gateway)) }

// Status is engine.Output.
func (o *output) Status(update status.Update) { o.plane.statuses.Want(update) }

// Scaler is engine.Output.
func (o *output) Scaler(key types.NamespacedName, trigger *scaler.Scaler) {
	o.plane.catalog.Set(key, trigger)
}

// ModelPods is engine.Output.
func (o *output) ModelPods(key types.NamespacedName, pods *scaler.ModelPods) {
	o.plane.scaling.engines.Set(key, pods)
}

// Attachment is engine.Output.
func (o *output) Attachment(route resolve.Object, now *resolve.Attachment) {
	o.plane.attachments.Set(route, now)
}

// Synced is engine.Output.
func (o *output) Synced() {
	o.plane.attachments.SetSynced()
	o.plane.catalog.SetComplete()
	o.plane.scaling.engines.SetComplete()
	o.plane.gateways.SetComplete()
}

// DataPlane is engine.Output. A Gateway that is not accepted keeps the data plane it had: a mistake
// in its parameters must not reconfigure Envoys that serve.
func (o *output) DataPlane(gateway *resolve.GatewayResult) {
	if o.plane.gateways.Set(gateway.Key, types.UID(gateway.UID)) {
		o.plane.xds.Disconnect(gateway.Key, types.UID(gateway.UID)) // before anything of the new Gateway is published
	}
	if !gateway.Accepted() {
		return
	}
	o.plane.scaling.gate.SetMemory(gateway.Key, infra.MaxHeap(ptr.Deref(gateway.Infrastructure.Parameters.Envoy, v1alpha1.EnvoyParameters{})))
	o.plane.dataPlanes.Apply(infra.Spec{
		Gateway:        gateway.Key,
		UID:            gateway.UID,
		ClassName:      gateway.ClassName,
		Generation:     gateway.Generation,
		Infrastructure: gateway.Infrastructure,
		Addresses:      gateway.Addresses,
	})
}

// Forget is engine.Output.
func (o *output) Forget(gateway types.NamespacedName) {
	o.plane.gateways.Remove(gateway)
	o.stages.Forget(ir.Key(gateway))
	o.plane.exchange.Forget(gateway)
	o.plane.proxyPods.Forget(gateway)
	o.plane.dataPlanes.Delete(gateway)
}

// RenderFailed is engine.Output.
func (o *output) RenderFailed(failure *engine.RenderFailure) {
	o.plane.metrics.renderFailures.Inc()
	objects := make([]string, 0, len(failure.Sources))
	for _, source := range failure.Sources {
		objects = append(objects, source.String())
	}
	values := []any{"unit", failure.Unit, "objects", objects}
	log := o.plane.deps.Log.WithName("engine")
	if failure.Kept {
		contain.Log(log, failure.Err, "Failed to render Envoy configuration; keeping the previous version", values...)
		return
	}
	contain.Log(log, failure.Err, "Failed to render Envoy configuration; there is no previous version", values...)
}
