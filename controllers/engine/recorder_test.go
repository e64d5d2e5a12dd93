package engine

import (
	"fmt"
	"reflect"

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
	statuses  map[resolve.Object]status.Update
	planes    map[types.NamespacedName]resolve.Infrastructure
	scalers   map[types.NamespacedName]scaler.Scaler
	modelPods map[types.NamespacedName]string
	failures  []string
	blamed    []string // sources of failures
	attached  map[resolve.Object]resolve.Attachment

	// forgotten is called by Forget; may be nil.
	forgotten func(types.NamespacedName)

	// repeated are calls that told nothing new.
	repeated []string

	published  int // resources, removals included
	wrote      int // statuses
	reattached int // attachments, removals included
	synced     int // how often Synced was called
}

func newRecorder() *recorder {
	return &recorder{
		resources: map[types.NamespacedName]map[resource.Key]string{}, ready: map[types.NamespacedName]bool{},
		statuses: map[resolve.Object]status.Update{}, planes: map[types.NamespacedName]resolve.Infrastructure{},
		scalers: map[types.NamespacedName]scaler.Scaler{}, modelPods: map[types.NamespacedName]string{},
		attached: map[resolve.Object]resolve.Attachment{},
	}
}

// needless notes a call that tells what the outside has already.
func (r *recorder) needless(same bool, format string, args ...any) {
	if same {
		r.repeated = append(r.repeated, fmt.Sprintf(format, args...))
	}
}

func (r *recorder) Publish(gateway types.NamespacedName, change resource.Change) {
	if r.resources[gateway] == nil {
		r.resources[gateway] = map[resource.Key]string{}
	}
	for _, upsert := range change.Upsert {
		content := fmt.Sprint(upsert.Version, upsert.Sources, upsert.Picker())
		r.needless(r.resources[gateway][upsert.Key] == content, "publish %v to %s", upsert.Key, gateway)
		r.resources[gateway][upsert.Key] = content
	}
	for _, key := range change.Remove {
		r.needless(r.resources[gateway][key] == "", "remove %v of %s", key, gateway)
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

func (r *recorder) Ready(gateway types.NamespacedName) {
	r.needless(r.ready[gateway], "ready %s", gateway)
	r.ready[gateway] = true
}

func (r *recorder) Scaler(key types.NamespacedName, trigger *scaler.Scaler) {
	before, known := r.scalers[key]
	if trigger == nil {
		r.needless(!known, "drop trigger %s", key)
		delete(r.scalers, key)
		return
	}
	r.needless(known && reflect.DeepEqual(before, *trigger), "trigger %s", key)
	r.scalers[key] = *trigger
}

func (r *recorder) ModelPods(key types.NamespacedName, pods *scaler.ModelPods) {
	before, known := r.modelPods[key]
	if pods == nil {
		r.needless(!known, "drop model Pods of %s", key)
		delete(r.modelPods, key)
		return
	}
	content := fmt.Sprintf("%+v", *pods)
	r.needless(known && before == content, "model Pods of %s", key)
	r.modelPods[key] = content
}

func (r *recorder) Status(update status.Update) {
	r.wrote++
	before, known := r.statuses[update.Object]
	if update.Value == nil {
		r.needless(!known, "drop the status of %v", update.Object)
		delete(r.statuses, update.Object)
		return
	}
	r.needless(known && reflect.DeepEqual(before, update), "status of %v", update.Object)
	r.statuses[update.Object] = update
}

func (r *recorder) DataPlane(gateway *resolve.GatewayResult) {
	r.planes[gateway.Key] = gateway.Infrastructure
}

func (r *recorder) Attachment(route resolve.Object, now *resolve.Attachment) {
	r.reattached++
	before, known := r.attached[route]
	if now == nil {
		r.needless(!known, "detach %v", route)
		delete(r.attached, route)
		return
	}
	r.needless(known && reflect.DeepEqual(before, *now), "attachment of %v", route)
	r.attached[route] = *now
}

func (r *recorder) Synced() { r.synced++ }

func (r *recorder) RenderFailed(failure *RenderFailure) {
	r.failures = append(r.failures, fmt.Sprintf("%s: %v, kept: %t", failure.Unit, failure.Err, failure.Kept))
	for _, source := range failure.Sources {
		r.blamed = append(r.blamed, source.String())
	}
}

// state is everything that must not depend on the order of events.
func (r *recorder) state() map[string]any {
	return map[string]any{
		"resources": r.resources, "ready": r.ready, "statuses": r.statuses, "planes": r.planes, "failures": r.failures, "scalers": r.scalers,
		"modelPods": r.modelPods,
		"attached":  r.attached, "synced": r.synced,
	}
}
