package replicas

import (
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/watch"
	"github.com/kedify/inference-gateway/scaler"
)

// Counts is how many replicas targets want and how many are ready, from memory.
type Counts struct {
	watch func(...watch.Row)

	mu    sync.RWMutex
	kinds map[schema.GroupKind]*kind
}

// kind is one kind with an informer.
type kind struct {
	// synced is false until all objects were handed over, and after the kind went away.
	synced  bool
	objects map[types.NamespacedName]count
}

// count is that of one object: spec.replicas and status.readyReplicas.
type count struct{ wanted, ready int32 }

// New returns the counts of the targets of a catalog, which it observes. The function adds rows to
// a watch.Watcher and must not block.
func New(catalog *scaler.Catalog, watch func(...watch.Row)) *Counts {
	c := &Counts{watch: watch, kinds: map[schema.GroupKind]*kind{}}
	catalog.Observe(func(_ types.NamespacedName, now *scaler.Scaler) {
		if now != nil {
			c.want(now.Spec.Scale.Target)
		}
	})
	return c
}

// Of returns spec.replicas of a trigger's target. It is unknown while the kind of the target has no
// informer or the target does not exist.
func (c *Counts) Of(of scaler.Scaler) (replicas int32, known bool) {
	count, known := c.of(of)
	return count.wanted, known
}

// Ready returns status.readyReplicas of a trigger's target. It is unknown when spec.replicas is.
func (c *Counts) Ready(of scaler.Scaler) (replicas int32, known bool) {
	count, known := c.of(of)
	return count.ready, known
}

func (c *Counts) of(of scaler.Scaler) (count count, known bool) {
	target := of.Spec.Scale.Target
	c.mu.RLock()
	defer c.mu.RUnlock()
	kind := c.kinds[groupKind(target)]
	if kind == nil || !kind.synced {
		return count, false
	}
	count, known = kind.objects[types.NamespacedName{Namespace: of.Key.Namespace, Name: target.Name}]
	return count, known
}

// want watches the kind of a target.
func (c *Counts) want(target v1alpha1.HTTPScalerTarget) {
	watched, is := scaler.Counted(target)
	if !is {
		return
	}
	groupKind := watched.GroupKind()
	c.mu.Lock()
	made := c.kinds[groupKind]
	if made == nil {
		c.kinds[groupKind] = &kind{objects: map[types.NamespacedName]count{}}
	}
	c.mu.Unlock()
	if made == nil {
		c.watch(c.row(watched))
	}
}

func (c *Counts) row(watched schema.GroupVersionKind) watch.Row {
	trim, groupKind := trim, watched.GroupKind()
	if groupKind.Kind == rolloutKind {
		trim = TrimRollout
	}
	return watch.Row{
		Object: emptyObject(watched), Optional: true, Trim: trim,
		Unchanged: func(before, after client.Object) bool { return countOf(before) == countOf(after) },
		Handler: watch.Funcs[client.Object]{
			OnSet: func(_, object client.Object) {
				c.change(groupKind, func(k *kind) { k.objects[client.ObjectKeyFromObject(object)] = countOf(object) })
			},
			OnDelete: func(object client.Object) {
				c.change(groupKind, func(k *kind) { delete(k.objects, client.ObjectKeyFromObject(object)) })
			},
			OnSynced: func() { c.change(groupKind, func(k *kind) { k.synced = true }) },
			OnLost:   func() { c.change(groupKind, func(k *kind) { k.synced = false }) },
		},
	}
}

// Watched returns an empty object of each kind that may be watched.
func Watched() (objects []client.Object) {
	for _, kind := range scaler.CountedKinds() {
		objects = append(objects, emptyObject(kind))
	}
	return objects
}

func emptyObject(kind schema.GroupVersionKind) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	return object
}

func (c *Counts) change(groupKind schema.GroupKind, change func(*kind)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c.kinds[groupKind])
}

func groupKind(target v1alpha1.HTTPScalerTarget) schema.GroupKind {
	return schema.FromAPIVersionAndKind(target.APIVersion, target.Kind).GroupKind()
}

// rolloutKind has one trim for all rows of a cache.
const rolloutKind = "Rollout"

// TrimRollout keeps of an Argo Rollout its metadata, its counts, and the strategy, which names
// Services. Rows of one kind share a cache, so every row of Rollouts has this trim.
func TrimRollout(object client.Object) client.Object {
	rollout, is := object.(*unstructured.Unstructured)
	if !is {
		return object
	}
	counted := countOf(rollout)
	kept := map[string]any{"replicas": int64(counted.wanted)}
	if strategy, found, err := unstructured.NestedFieldNoCopy(rollout.Object, "spec", "strategy"); found && err == nil {
		kept["strategy"] = strategy
	}
	rollout.SetManagedFields(nil)
	rollout.Object["status"] = map[string]any{"readyReplicas": int64(counted.ready)}
	rollout.Object["spec"] = kept
	return rollout
}

// trim keeps the identity of an object and its counts. Typed objects of the same kind belong
// to another reader of the cache.
func trim(object client.Object) client.Object {
	if _, is := object.(*unstructured.Unstructured); !is {
		return object
	}
	counted := countOf(object)
	kept := &unstructured.Unstructured{Object: map[string]any{
		"spec":   map[string]any{"replicas": int64(counted.wanted)},
		"status": map[string]any{"readyReplicas": int64(counted.ready)},
	}}
	kept.SetGroupVersionKind(object.GetObjectKind().GroupVersionKind())
	kept.SetNamespace(object.GetNamespace())
	kept.SetName(object.GetName())
	kept.SetUID(object.GetUID())
	kept.SetResourceVersion(object.GetResourceVersion())
	return kept
}

// countOf returns spec.replicas of an unstructured object, one without it, and status.readyReplicas, which controllers leave out at zero.
func countOf(object client.Object) count {
	content, is := object.(*unstructured.Unstructured)
	if !is {
		return count{wanted: 1}
	}
	return count{numberAt(content, 1, "spec", "replicas"), numberAt(content, 0, "status", "readyReplicas")}
}

func numberAt(object *unstructured.Unstructured, otherwise int32, path ...string) int32 {
	number, found, err := unstructured.NestedInt64(object.Object, path...)
	if !found || err != nil {
		return otherwise
	}
	return int32(number)
}
