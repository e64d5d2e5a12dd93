package sweep

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

// recorder is an engine.Output that keeps what proxies and statuses would have.
type recorder struct {
	resources map[types.NamespacedName]map[resource.Key]resource.Resource
	statuses  map[resolve.Object]status.Update
	failures  []string
}

func newRecorder() *recorder {
	return &recorder{
		resources: map[types.NamespacedName]map[resource.Key]resource.Resource{}, statuses: map[resolve.Object]status.Update{},
	}
}

// Publish implements engine.Output.
func (r *recorder) Publish(gateway types.NamespacedName, change resource.Change) {
	if r.resources[gateway] == nil {
		r.resources[gateway] = map[resource.Key]resource.Resource{}
	}
	for _, upsert := range change.Upsert {
		r.resources[gateway][upsert.Key] = upsert
	}
	for _, key := range change.Remove {
		delete(r.resources[gateway], key)
	}
}

// Forget implements engine.Output.
func (r *recorder) Forget(gateway types.NamespacedName) { delete(r.resources, gateway) }

// Ready implements engine.Output.
func (r *recorder) Ready(types.NamespacedName) {}

// Status implements engine.Output.
func (r *recorder) Status(update status.Update) { r.statuses[update.Object] = update }

// DataPlane implements engine.Output.
func (r *recorder) DataPlane(*resolve.GatewayResult) {}

// Scaler implements engine.Output.
func (r *recorder) Scaler(types.NamespacedName, *scaler.Scaler) {}

// Attachment implements engine.Output.
func (r *recorder) Attachment(resolve.Object, *resolve.Attachment) {}

// Synced implements engine.Output.
func (r *recorder) Synced() {}

// RenderFailed implements engine.Output.
func (r *recorder) RenderFailed(failure *engine.RenderFailure) {
	r.failures = append(r.failures, fmt.Sprintf("%s: %v", failure.Unit, failure.Err))
}

// all are the resources of all Gateways in one order.
func (r *recorder) all() (all []resource.Resource) {
	for _, resources := range r.resources {
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
func (r *recorder) ports(gateway types.NamespacedName) map[uint32]bool {
	ports := map[uint32]bool{}
	for key := range r.resources[gateway] {
		var port uint32
		if _, name, found := strings.Cut(key.Name, "/"); found && key.Type == resource.Listener {
			if _, err := fmt.Sscan(name, &port); err == nil {
				ports[port] = true
			}
		}
	}
	return ports
}

// conditions are those of all statuses.
func (r *recorder) conditions() (all []condition) {
	for object, update := range r.statuses {
		for _, c := range conditionsOf(update.Value) {
			all = append(all, condition{object: object, Condition: c})
		}
	}
	slices.SortFunc(all, func(a, b condition) int { return strings.Compare(a.String(), b.String()) })
	return all
}
