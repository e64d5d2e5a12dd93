package wiring

import (
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/wiring/mirror"
)

// world is what the informers handed over, by kind and by the namespace that an object matters to. An
// object of another controller is found under every namespace with a backend that it leads to.
type world struct {
	mu      sync.RWMutex
	synced  map[string]bool
	objects map[place]map[types.NamespacedName]client.Object
	// marked is how many wired Services and rewritten objects matter to a namespace.
	marked map[string]int
}

// place is a kind of objects and a namespace that they matter to.
type place struct{ kind, namespace string }

func newWorld() *world {
	return &world{synced: map[string]bool{}, objects: map[place]map[types.NamespacedName]client.Object{}, marked: map[string]int{}}
}

// set replaces an object in the namespaces that it mattered to by one in those that it matters to.
// Either side may be nil.
func (w *world) set(kind string, object client.Object, before, after []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.put(kind, object, before, after)
}

// replace is set, unless there is another object by now than the one that is to be replaced.
func (w *world) replace(kind string, known, object client.Object, before, after []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.objects[place{kind, known.GetNamespace()}][store.KeyOf(known)] == known {
		w.put(kind, object, before, after)
	}
}

func (w *world) put(kind string, object client.Object, before, after []string) {
	key := store.KeyOf(object)
	for _, namespace := range before {
		at := place{kind, namespace}
		w.mark(namespace, w.objects[at][key], -1)
		if delete(w.objects[at], key); len(w.objects[at]) == 0 {
			delete(w.objects, at)
		}
	}
	for _, namespace := range after {
		at := place{kind, namespace}
		w.mark(namespace, w.objects[at][key], -1)
		w.mark(namespace, object, 1)
		if w.objects[at] == nil {
			w.objects[at] = map[types.NamespacedName]client.Object{}
		}
		w.objects[at][key] = object
	}
}

// mark counts an object of which the product has to take care even without a trigger.
func (w *world) mark(namespace string, object client.Object, count int) {
	if object == nil || !marked(object) {
		return
	}
	if w.marked[namespace] += count; w.marked[namespace] == 0 {
		delete(w.marked, namespace)
	}
}

// marked reports whether an object is a wired Service, or was rewritten.
func marked(object client.Object) bool {
	if service, is := object.(*corev1.Service); is {
		original, _ := mirror.Original(service)
		return original != ""
	}
	if object.GetObjectKind().GroupVersionKind() == destinationRule {
		return false
	}
	_, rewritten := object.GetAnnotations()[v1alpha1.OriginalBackendsAnnotation]
	return rewritten
}

func (w *world) setSynced(kind string, synced bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.synced[kind] = synced
}

// knows reports whether an object of the kind that is not here does not exist.
func (w *world) knows(kinds ...string) bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return !slices.ContainsFunc(kinds, func(kind string) bool { return !w.synced[kind] })
}

// concerned reports whether there is something of the product in a namespace: a trigger, a wired
// Service, or an object that was rewritten.
func (w *world) concerned(namespace string) bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return len(w.objects[place{kindHTTPScaler, namespace}]) > 0 || w.marked[namespace] > 0
}

// allConcerned are the namespaces with something of the product.
func (w *world) allConcerned() []string {
	w.mu.RLock()
	defer w.mu.RUnlock()
	found := slices.Collect(maps.Keys(w.marked))
	for at := range w.objects {
		if at.kind == kindHTTPScaler {
			found = append(found, at.namespace)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// objectsOf returns the objects of a kind that matter to a namespace, in the order of their names.
// They are shared with the cache and must not be modified.
func objectsOf[T client.Object](w *world, kind, namespace string) []T {
	w.mu.RLock()
	defer w.mu.RUnlock()
	found := make([]T, 0, len(w.objects[place{kind, namespace}]))
	for _, object := range w.objects[place{kind, namespace}] {
		found = append(found, object.(T))
	}
	slices.SortFunc(found, func(a, b T) int { return store.CompareKeys(store.KeyOf(a), store.KeyOf(b)) })
	return found
}

// find returns one object, and whether there is one.
func find[T client.Object](w *world, kind string, key types.NamespacedName) (found T, ok bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	object, ok := w.objects[place{kind, key.Namespace}][key]
	if !ok {
		return found, false
	}
	return object.(T), true
}
