package engine

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/xds/resource"
)

// recorder is an Output that keeps what the outside would have.
type recorder struct {
	resources map[types.NamespacedName]map[resource.Key]string
	ready     map[types.NamespacedName]bool
	statuses  map[resolve.Object]any
	planes    map[types.NamespacedName]resolve.Infrastructure
	scalers   map[types.NamespacedName]scaler.Scaler
	failures  []string
	attached  map[resolve.Object]resolve.Attachment

	// forgotten is called by Forget; may be nil.
	forgotten func(types.NamespacedName)

	published  int // resources, removals included
	wrote      int // statuses
	reattached int // attachments, removals included
	synced     int // how often Synced was called
}

func newRecorder() *recorder {
	return &recorder{
		resources: map[types.NamespacedName]map[resource.Key]string{}, ready: map[types.NamespacedName]bool{},
		statuses: map[resolve.Object]any{}, planes: map[types.NamespacedName]resolve.Infrastructure{},
		scalers: map[types.NamespacedName]scaler.Scaler{}, attached: map[resolve.Object]resolve.Attachment{},
	}
}

func (r *recorder) Publish(gateway types.NamespacedName, change resource.Change) {
	if r.resources[gateway] == nil {
		r.resources[gateway] = map[resource.Key]string{}
	}
	for _, upsert := range change.Upsert {
		r.resources[gateway][upsert.Key] = fmt.Sprint(upsert.Version, upsert.Sources)
	}
	for _, key := range change.Remove {
		delete(r.resources[gateway], key)
	}
	if len(r.resources[gateway]) == 0 {
		delete(r.resources, gateway)
	}
	r.published += len(change.Upsert) + len(change.Remove)
}

func (r *recorder) Forget(gateway types.NamespacedName) {
	delete(r.resources, gateway)
	delete(r.ready, gateway)
	delete(r.planes, gateway)
	if r.forgotten != nil {
		r.forgotten(gateway)
	}
}

func (r *recorder) Ready(gateway types.NamespacedName) { r.ready[gateway] = true }

func (r *recorder) Scaler(key types.NamespacedName, trigger *scaler.Scaler) {
	if trigger == nil {
		delete(r.scalers, key)
		return
	}
	r.scalers[key] = *trigger
}

func (r *recorder) Status(update status.Update) {
	r.wrote++
	if update.Value == nil {
		delete(r.statuses, update.Object)
		return
	}
	r.statuses[update.Object] = update.Value
}

func (r *recorder) DataPlane(gateway *resolve.GatewayResult) {
	r.planes[gateway.Key] = gateway.Infrastructure
}

func (r *recorder) Attachment(route resolve.Object, now *resolve.Attachment) {
	r.reattached++
	if now == nil {
		delete(r.attached, route)
		return
	}
	r.attached[route] = *now
}

func (r *recorder) Synced() { r.synced++ }

func (r *recorder) RenderFailed(failure *RenderFailure) {
	r.failures = append(r.failures, fmt.Sprintf("%s: %v, kept: %t", failure.Unit, failure.Err, failure.Kept))
}

// state is everything that must not depend on the order of events.
func (r *recorder) state() map[string]any {
	return map[string]any{
		"resources": r.resources, "ready": r.ready, "statuses": r.statuses, "planes": r.planes, "failures": r.failures, "scalers": r.scalers,
		"attached": r.attached, "synced": r.synced,
	}
}
