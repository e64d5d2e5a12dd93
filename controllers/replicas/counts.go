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

// watchable are the kinds that get an informer. All of them have spec.replicas and mean one replica
// without it.
var watchable = map[schema.GroupKind]string{
	{Group: "apps", Kind: "Deployment"}:     "v1",
	{Group: "apps", Kind: "StatefulSet"}:    "v1",
	{Group: "argoproj.io", Kind: "Rollout"}: "v1alpha1",
}

// Counts is spec.replicas of targets, from memory.
type Counts struct {
	watch func(...watch.Row)

	mu    sync.RWMutex
	kinds map[schema.GroupKind]*kind
}

// kind is one kind with an informer.
type kind struct {
	// synced is false until all objects were handed over, and after the kind went away.
	synced  bool
	objects map[types.NamespacedName]int32
}

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
	target := of.Spec.Scale.Target
	c.mu.RLock()
	defer c.mu.RUnlock()
	kind := c.kinds[groupKind(target)]
	if kind == nil || !kind.synced {
		return 0, false
	}
	replicas, known = kind.objects[types.NamespacedName{Namespace: of.Key.Namespace, Name: target.Name}]
	return replicas, known
}

// want watches the kind of a target.
func (c *Counts) want(target v1alpha1.HTTPScalerTarget) {
	groupKind := groupKind(target)
	version, watched := watchable[groupKind]
	if !watched {
		return
	}
	c.mu.Lock()
	made := c.kinds[groupKind]
	if made == nil {
		c.kinds[groupKind] = &kind{objects: map[types.NamespacedName]int32{}}
	}
	c.mu.Unlock()
	if made == nil {
		c.watch(c.row(groupKind, version))
	}
}

func (c *Counts) row(groupKind schema.GroupKind, version string) watch.Row {
	trim := trim
	if groupKind.Kind == rolloutKind {
		trim = TrimRollout
	}
	return watch.Row{
		Object: emptyObject(groupKind.WithVersion(version)), Optional: true, Trim: trim,
		Unchanged: func(before, after client.Object) bool { return replicasOf(before) == replicasOf(after) },
		Handler: watch.Funcs[client.Object]{
			OnSet: func(_, object client.Object) {
				c.change(groupKind, func(k *kind) { k.objects[client.ObjectKeyFromObject(object)] = replicasOf(object) })
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
	for groupKind, version := range watchable {
		objects = append(objects, emptyObject(groupKind.WithVersion(version)))
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

// TrimRollout keeps of an Argo Rollout its metadata, spec.replicas, and the strategy, which names
// Services. Rows of one kind share a cache, so every row of Rollouts has this trim.
func TrimRollout(object client.Object) client.Object {
	rollout, is := object.(*unstructured.Unstructured)
	if !is {
		return object
	}
	kept := map[string]any{"replicas": int64(replicasOf(rollout))}
	if strategy, found, err := unstructured.NestedFieldNoCopy(rollout.Object, "spec", "strategy"); found && err == nil {
		kept["strategy"] = strategy
	}
	rollout.SetManagedFields(nil)
	delete(rollout.Object, "status")
	rollout.Object["spec"] = kept
	return rollout
}

// trim keeps the identity of an object and its spec.replicas. Typed objects of the same kind belong
// to another reader of the cache.
func trim(object client.Object) client.Object {
	if _, is := object.(*unstructured.Unstructured); !is {
		return object
	}
	kept := &unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{"replicas": int64(replicasOf(object))},
	}}
	kept.SetGroupVersionKind(object.GetObjectKind().GroupVersionKind())
	kept.SetNamespace(object.GetNamespace())
	kept.SetName(object.GetName())
	kept.SetUID(object.GetUID())
	kept.SetResourceVersion(object.GetResourceVersion())
	return kept
}

// replicasOf returns spec.replicas of an unstructured object, one without it.
func replicasOf(object client.Object) int32 {
	content, is := object.(*unstructured.Unstructured)
	if !is {
		return 1
	}
	replicas, found, err := unstructured.NestedInt64(content.Object, "spec", "replicas")
	if !found || err != nil {
		return 1
	}
	return int32(replicas)
}
