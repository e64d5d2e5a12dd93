package rig

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/engine"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/resource"
)

// Output is an engine.Output that keeps what proxies and statuses would have.
type Output struct {
	// Resources by Gateway.
	Resources map[types.NamespacedName]map[resource.Key]resource.Resource
	Statuses  map[resolve.Object]status.Update
	// Failures are resources that could not be rendered.
	Failures []string
}

func newOutput() *Output {
	return &Output{
		Resources: map[types.NamespacedName]map[resource.Key]resource.Resource{}, Statuses: map[resolve.Object]status.Update{},
	}
}

// Publish implements engine.Output.
func (o *Output) Publish(gateway types.NamespacedName, change resource.Change) {
	if o.Resources[gateway] == nil {
		o.Resources[gateway] = map[resource.Key]resource.Resource{}
	}
	for _, upsert := range change.Upsert {
		o.Resources[gateway][upsert.Key] = upsert
	}
	for _, key := range change.Remove {
		delete(o.Resources[gateway], key)
	}
}

// Forget implements engine.Output.
func (o *Output) Forget(gateway types.NamespacedName) { delete(o.Resources, gateway) }

// Ready implements engine.Output.
func (o *Output) Ready(types.NamespacedName) {}

// Status implements engine.Output.
func (o *Output) Status(update status.Update) { o.Statuses[update.Object] = update }

// DataPlane implements engine.Output.
func (o *Output) DataPlane(*resolve.GatewayResult) {}

// Scaler implements engine.Output.
func (o *Output) Scaler(types.NamespacedName, *scaler.Scaler) {}

// ModelPods implements engine.Output.
func (o *Output) ModelPods(types.NamespacedName, *scaler.ModelPods) {}

// Attachment implements engine.Output.
func (o *Output) Attachment(resolve.Object, *resolve.Attachment) {}

// Synced implements engine.Output.
func (o *Output) Synced() {}

// RenderFailed implements engine.Output.
func (o *Output) RenderFailed(failure *engine.RenderFailure) {
	o.Failures = append(o.Failures, fmt.Sprintf("%s: %v", failure.Unit, failure.Err))
}

// All are the resources of all Gateways in one order.
func (o *Output) All() (all []resource.Resource) {
	for _, resources := range o.Resources {
		for _, one := range resources {
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b resource.Resource) int {
		return strings.Compare(string(a.Type)+" "+a.Name, string(b.Type)+" "+b.Name)
	})
	return all
}

// ports are those that the Gateway listens on.
func (o *Output) ports(gateway types.NamespacedName) map[uint32]bool {
	ports := map[uint32]bool{}
	for key := range o.Resources[gateway] {
		var port uint32
		if _, name, found := strings.Cut(key.Name, "/"); found && key.Type == resource.Listener {
			if _, err := fmt.Sscan(name, &port); err == nil {
				ports[port] = true
			}
		}
	}
	return ports
}
