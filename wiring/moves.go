package wiring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/apply"
	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/controllers/work"
	"github.com/kedify/inference-gateway/wiring/health"
	"github.com/kedify/inference-gateway/wiring/mirror"
	"github.com/kedify/inference-gateway/wiring/plan"
)

// moveInterval is the time after which a move under way is looked at again, without an event of an informer.
const moveInterval = time.Second

// move judges the health of a namespace, and makes its wired Services as they should be. Every replica
// moves to safety; the leader does everything else.
func (w *Wiring) move(ctx context.Context, namespace string) work.Next {
	again, err := w.moveNamespace(ctx, namespace)
	if err != nil && ctx.Err() == nil {
		w.deps.Log.Error(err, "Failed to move the wired Services of a namespace, will retry", "namespace", namespace)
		return work.Retry()
	}
	if again > 0 {
		return work.After(again)
	}
	return work.Done()
}

func (w *Wiring) moveNamespace(ctx context.Context, namespace string) (again time.Duration, err error) {
	if !w.complete(namespace) {
		return moveInterval, nil
	}
	world := w.look(namespace)
	live := world.LivePath()
	seen := w.observe(namespace, live)
	var judgement health.Judgement
	wired := leadsAnywhere(world)
	switch {
	case !wired:
		w.machines.forget(namespace)
		w.metrics.path.DeleteLabelValues(namespace)
	case !usedAnywhere(world):
		w.machines.forget(namespace)
		judgement = unused(seen)
	default:
		judgement = w.machines.of(namespace).Observe(world.Now, seen)
	}
	path, known := w.decide(ctx, namespace, live, judgement.Decision)
	if !known {
		return moveInterval, nil
	}
	world.Path, world.Memory, world.Refused = path, w.memories.of(namespace), w.refusals.of(namespace)
	if path != live {
		judgement.Again = moveInterval
	}
	w.rest(world)
	// While nothing is ill the leader alone writes: two that write in the middle of a return would undo
	// each other's step.
	if !w.leads.Load() && (path != v1alpha1.PathDirect || !ill(seen)) {
		return judgement.Again, nil
	}
	made := plan.Make(world)
	// What fails of one Service keeps no trigger of another one from its status: an application whose
	// requests go directly must not be scaled to zero because a quota has no room for a second Service.
	applied, err := w.applyObjects(ctx, world, made)
	if w.refusals.applied(namespace, applied.refused) {
		w.moves.Add(namespace) // the next plan says it in conditions
	}
	err = errors.Join(err, w.writeStatuses(ctx, world, made, applied))
	if wired && applied.any {
		w.noteMove(world, live, judgement)
	}
	return sooner(sooner(judgement.Again, made.Again), w.wakeUp(ctx, world, made, seen)), err
}

// leadsAnywhere reports whether there is a wired Service with a path. Without one, nothing moves.
func leadsAnywhere(world plan.World) bool {
	return slices.ContainsFunc(world.Slices, func(slice *discoveryv1.EndpointSlice) bool {
		return mirror.Ours(slice) && slice.Annotations[mirror.PathAnnotation] != ""
	})
}

// usedAnywhere reports whether requests may come through wired Services: an object leads there, or clients
// do, of which nothing is known.
func usedAnywhere(world plan.World) bool {
	return slices.ContainsFunc(world.Scalers, func(scaler *v1alpha1.HTTPScaler) bool {
		return scaler.Spec.WiredService || slices.Contains(scaler.Spec.Autowire, v1alpha1.AutowireService) ||
			scaler.Status.Wiring != nil && len(scaler.Status.Wiring.Objects) > 0
	})
}

// unused is the judgement while nothing leads to the wired Services. Proxies that start are no outage, and there are
// no requests to bring to safety: objects are rewired as soon as all is well.
func unused(seen health.Observation) (judgement health.Judgement) {
	known := seen.Proxies != health.Unknown && seen.Controllers != health.Unknown
	if seen.Path == v1alpha1.PathDirect && known && !ill(seen) {
		judgement.Decision = health.ToProxy
	}
	return judgement
}

// ill reports whether proxies or controllers have no ready endpoint at this moment, or no proxy follows a
// controller.
func ill(seen health.Observation) bool {
	return seen.Proxies == health.NotReady || seen.Controllers == health.NotReady || seen.Streams == health.NotReady
}

// sooner is the shorter of two times to wait; zero is for ever.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// decide is the path that requests should take now. It is not known while the API server does not answer:
// then nothing moves.
func (w *Wiring) decide(
	ctx context.Context, namespace string, live v1alpha1.WiringPath, decision health.Decision,
) (path v1alpha1.WiringPath, known bool) {
	switch {
	case decision == health.ToDirect:
		confirmed, err := w.confirmIll(ctx, namespace)
		if confirmed {
			live = v1alpha1.PathDirect
		}
		return live, err == nil
	case decision == health.ToProxy && w.leads.Load():
		return v1alpha1.PathProxy, true
	}
	return live, true
}

// applied says which Services have objects that could not be written, and whether any has all of them.
type applied struct {
	failed map[string]bool
	any    bool
	// refused is what the API server said of those that it refuses, as refusals has it.
	refused map[string]string
}

// applyObjects applies objects in the order of the plan. What cannot be written of one Service keeps no
// other Service from safety, but nothing later is written of the same one: the order is its safety.
func (w *Wiring) applyObjects(ctx context.Context, world plan.World, made plan.Plan) (applied, error) {
	var problems []error
	result := applied{failed: map[string]bool{}, any: len(made.Objects) == 0, refused: map[string]string{}}
	for _, object := range made.Objects {
		service := serviceOf(object)
		_, grants := object.(*gwv1.ReferenceGrant)
		if result.failed[service] || grants && world.ForeignUnknown { // routes that are not read yet need the grant as it is
			continue
		}
		_, err := w.engine.Ensure(ctx, object, nil)
		if err == nil || errors.Is(err, apply.ErrTerminating) { // not worth a retry
			continue
		}
		result.failed[service] = true
		problems = append(problems, err)
		if why := refusal(err); why != "" {
			result.refused[kindService+" "+world.Namespace+"/"+service] = why
		}
	}
	for _, object := range made.Objects {
		result.any = result.any || !result.failed[serviceOf(object)]
	}
	return result, errors.Join(problems...)
}

// serviceOf is the Service that an object is part of.
func serviceOf(object plan.Object) string {
	if name := object.GetLabels()[discoveryv1.LabelServiceName]; name != "" {
		return name
	}
	return object.GetName()
}

// writeStatuses says where requests go. What the objects of others are is the leader's word.
func (w *Wiring) writeStatuses(ctx context.Context, world plan.World, made plan.Plan, applied applied) error {
	var problems []error
	now := metav1.NewTime(world.Now)
	for _, status := range made.Statuses {
		at := slices.IndexFunc(world.Scalers, func(scaler *v1alpha1.HTTPScaler) bool { return store.KeyOf(scaler) == status.Scaler })
		if at < 0 {
			continue
		}
		saying, before := said{status.Wiring, status.Rewired, !world.ForeignUnknown}, world.Scalers[at].Status.Wiring
		switch {
		case applied.hinder(saying.wiring):
			saying.wiring = before
		case world.ForeignUnknown && before != nil && saying.wiring != nil:
			saying.wiring.Objects = before.Objects // what is not read yet still leads there
		}
		if !w.leads.Load() {
			saying.rewired, saying.silent = nil, false
		}
		problems = append(problems, writeStatus(ctx, w.deps.API.Direct, world.Scalers[at], saying, now))
	}
	return errors.Join(problems...)
}

// hinder reports whether a status is not to be said yet: it claims that proxies see all requests, and what
// makes it so could not be written. That requests may pass the proxies is said without proof.
func (a applied) hinder(wiring *v1alpha1.HTTPScalerWiring) bool {
	return wiring != nil && wiring.Path == v1alpha1.PathProxy &&
		slices.ContainsFunc(wiring.Services, func(service string) bool { return a.failed[service] })
}

// rest lets the applications of a namespace be woken again by the next move, once its requests pass the
// proxies.
func (w *Wiring) rest(world plan.World) {
	if world.Path == v1alpha1.PathDirect {
		return
	}
	for _, scaler := range world.Scalers {
		w.waker.sleep(store.KeyOf(scaler))
	}
}

// wakeUp scales applications whose requests go directly: all of them while no controller answers KEDA,
// otherwise those without a ready endpoint. It returns after how long one that failed is due again.
func (w *Wiring) wakeUp(ctx context.Context, world plan.World, made plan.Plan, seen health.Observation) (again time.Duration) {
	if world.Path != v1alpha1.PathDirect {
		return 0
	}
	for _, scaler := range world.Scalers {
		asleep := seen.Controllers == health.NotReady || slices.Contains(made.Asleep, store.KeyOf(scaler))
		if asleep && scaler.Status.Wiring != nil {
			again = sooner(again, w.waker.wake(ctx, scaler))
		}
	}
	return again
}

// moveTopic is the topic of the events about the path of a namespace.
type moveTopic string

// noteMove counts a move that this replica made, and tells the owners of the triggers.
func (w *Wiring) noteMove(world plan.World, live v1alpha1.WiringPath, judgement health.Judgement) {
	w.metrics.path.WithLabelValues(world.Namespace).Set(map[bool]float64{true: 1}[world.Path == v1alpha1.PathDirect])
	if before := w.machines.note(world.Namespace, world.Path); before == world.Path || before == "" && world.Path == live {
		return
	}
	direction, kind, reason := toProxy, corev1.EventTypeNormal, "ProxyPath"
	note := "Requests pass the proxies again: proxies and controllers were ready for " + judgement.Recovery.String()
	if world.Path == v1alpha1.PathDirect {
		direction, kind, reason = toDirect, corev1.EventTypeWarning, "DirectPath"
		note = fmt.Sprintf("Requests go directly to the application: the proxies or the controllers had no ready endpoint, or no proxy "+
			"followed a controller, for %s. They pass the proxies again when all is well for %s", w.deps.Options.Debounce, judgement.Recovery)
	}
	w.deps.Log.Info("Moved the requests of a namespace", "namespace", world.Namespace, "path", string(world.Path))
	w.metrics.moves.WithLabelValues(direction).Inc()
	var all []events.Event
	for _, scaler := range world.Scalers {
		all = append(all, events.Event{Regarding: scaler, Type: kind, Reason: reason, Action: "Move", Note: note})
	}
	w.events.WriteOnce(moveTopic(world.Namespace), all)
}
