package wiring

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/controllers/work"
	"github.com/kedify/inference-gateway/internal/contain"
	"github.com/kedify/inference-gateway/wiring/plan"
)

// retryFailures is after how long a plan is made again in which something failed. What else is due does not wait for it.
const retryFailures = lastRetry

// memories are what the plans of each namespace remember.
type memories struct {
	mu  sync.Mutex
	all map[string]plan.Memory
}

func (m *memories) of(namespace string) plan.Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all[namespace]
}

func (m *memories) set(namespace string, memory plan.Memory) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all[namespace] = memory
	if len(memory.Idle) == 0 && len(memory.Entered) == 0 && len(memory.Rewrites) == 0 {
		delete(m.all, namespace)
	}
}

// leftovers is a key of the queue of objects that is no namespace: what an earlier leader left undone.
const leftovers = ""

// disownLeftovers ends the ownership of fields of objects that were restored by a process that ended before
// it could do so.
func (w *Wiring) disownLeftovers(ctx context.Context) error {
	all := Unwiring{Client: w.deps.API.Direct, Mapper: w.deps.API.Mapper}
	return all.eachForeign(ctx, "", func(object *unstructured.Unstructured) error {
		if marked(object) {
			return nil
		}
		return w.patcher.disown(ctx, object)
	})
}

// wire rewrites and restores foreign objects and deletes what is not needed any more. The leader does.
func (w *Wiring) wire(ctx context.Context, namespace string) work.Next {
	if !w.leads.Load() || !w.foreignKnown.Load() {
		return work.Done()
	}
	if namespace == leftovers {
		if err := w.disownLeftovers(ctx); err != nil && ctx.Err() == nil {
			w.deps.Log.Error(err, "Failed to look for what an earlier leader left, will retry")
			return work.Retry()
		}
		return work.Done()
	}
	again, err := w.wireNamespace(ctx, namespace)
	w.moves.Add(namespace) // Services and statuses follow what foreign objects say
	switch {
	case err == nil && again == 0 || ctx.Err() != nil:
		return work.Done()
	case err == nil:
		return work.After(again)
	case !errors.Is(err, errChanged):
		w.deps.Log.Error(err, "Failed to wire a namespace, will retry", "namespace", namespace)
	}
	return work.Retry()
}

func (w *Wiring) wireNamespace(ctx context.Context, namespace string) (again time.Duration, err error) {
	if !w.complete(namespace) {
		return moveInterval, nil
	}
	world := w.look(namespace)
	world.Path, world.Memory, world.Refused = world.LivePath(), w.memories.of(namespace), w.refusals.of(namespace)
	if world.Endpoints, err = w.endpoints(ctx, world); err != nil {
		return 0, fmt.Errorf("read Endpoints: %w", err)
	}
	made := plan.Make(world)
	memory, err := w.patchAll(ctx, world, made)
	w.memories.set(namespace, memory)
	problems := []error{err}
	for _, failure := range made.Failures {
		contain.Log(w.deps.Log, failure.Err, "Failed to plan a part of a namespace; it stays as it is",
			"namespace", namespace, "about", failure.About)
		made.Again = sooner(made.Again, retryFailures)
	}
	for _, deletion := range made.Deletions {
		problems = append(problems, w.delete(ctx, deletion))
	}
	w.tell(namespace, made.Events)
	w.countRefused(namespace, made.Statuses)
	return made.Again, errors.Join(problems...)
}

// patchAll rewrites and restores, several objects at once, and returns what is to be remembered.
func (w *Wiring) patchAll(ctx context.Context, world plan.World, made plan.Plan) (plan.Memory, error) {
	var mu sync.Mutex
	var patching sync.WaitGroup
	var problems []error
	memory, refused := made.Memory, map[string]string{}
	done := func(patch plan.Patch, rewrites bool, after *unstructured.Unstructured, err error) {
		mu.Lock()
		defer mu.Unlock()
		if after != nil {
			w.adopt(patch.Object, after)
		}
		if errors.Is(err, errOwned) {
			w.objects.Add(leftovers) // no later plan knows of it
		}
		if err != nil {
			problems = append(problems, err)
			w.tellFailure(patch, err)
			if why := refusal(err); why != "" {
				refused[describe(patch.Object)] = why
			}
			return
		}
		if rewrites {
			memory = memory.Rewritten(patch.Object, world.Now, world.RewritePeriod)
		}
		w.events.Write(eventOf(patch.Event))
	}
	for _, patch := range made.Rewrites {
		patching.Go(func() {
			after, err := w.patcher.rewrite(ctx, patch.Object, patch.Operations)
			done(patch, true, after, err)
		})
	}
	for _, patch := range made.Restores {
		patching.Go(func() {
			after, err := w.patcher.restore(ctx, patch.Object, patch.Operations)
			done(patch, false, after, err)
		})
	}
	patching.Wait()
	w.refusals.patched(world.Namespace, refused)
	return memory, errors.Join(problems...)
}

// adopt takes an object as the API server returned it, ahead of the informer: the next plan must not
// make the same patch again. An informer that was faster may know of a later change already.
func (w *Wiring) adopt(before, after *unstructured.Unstructured) {
	after.SetManagedFields(nil)
	w.world.replace(after.GetKind(), before, trimForeign(after), foreignPlaces(before), foreignPlaces(after))
}

// delete deletes an object in exactly the version that was seen.
func (w *Wiring) delete(ctx context.Context, deletion plan.Deletion) error {
	object, ok := deletion.Object.(client.Object)
	if !ok {
		return fmt.Errorf("delete %s: %T is no object", deletion.Kind, deletion.Object)
	}
	err := w.deps.API.Direct.Delete(ctx, object.DeepCopyObject().(client.Object), client.Preconditions{
		UID: ptr.To(object.GetUID()), ResourceVersion: ptr.To(object.GetResourceVersion()),
	})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete %s %s: %w", deletion.Kind, client.ObjectKeyFromObject(object), err)
	}
	key := client.ObjectKeyFromObject(object)
	w.deps.Log.Info("Deleted an object that is not needed any more", "kind", deletion.Kind, "object", key.String())
	return nil
}

// wireTopic is the topic of the events about the wiring of a namespace; failureTopic that of the writes
// to one object that fail.
type (
	wireTopic    string
	failureTopic string
)

// countRefused counts the triggers whose requests are not rewired, and will not be by themselves.
func (w *Wiring) countRefused(namespace string, statuses []plan.Status) {
	refused := 0
	for _, status := range statuses {
		condition := status.Rewired
		if condition != nil && condition.Status == metav1.ConditionFalse &&
			condition.Reason != plan.ReasonWaiting && condition.Reason != plan.ReasonNothing {
			refused++
		}
	}
	if len(statuses) == 0 {
		w.metrics.refused.DeleteLabelValues(namespace)
		return
	}
	w.metrics.refused.WithLabelValues(namespace).Set(float64(refused))
}

func (w *Wiring) tell(namespace string, planned []plan.Event) {
	all := make([]events.Event, 0, len(planned))
	for _, event := range planned {
		all = append(all, eventOf(event))
	}
	w.events.WriteOnce(wireTopic(namespace), all)
}

// tellFailure tells the owner of a trigger that the API server takes no change of an object.
func (w *Wiring) tellFailure(patch plan.Patch, err error) {
	if !errors.Is(err, errRefused) || patch.Event.About == nil {
		return
	}
	event := eventOf(patch.Event)
	event.Type, event.Reason, event.Note = corev1.EventTypeWarning, "WriteRefused", err.Error()
	w.events.WriteOnce(failureTopic(describe(patch.Object)), []events.Event{event})
}

func eventOf(planned plan.Event) events.Event {
	event := events.Event{
		Regarding: planned.About.(client.Object), Type: planned.Type, Reason: planned.Reason, Action: "Wire", Note: planned.Note,
	}
	if planned.Related != nil {
		event.Related = planned.Related.(client.Object)
	}
	return event
}
