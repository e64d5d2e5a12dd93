package keda

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// index finds the trigger that KEDA means. It is safe for concurrent use.
type index struct {
	mu      sync.RWMutex
	objects map[types.NamespacedName]*object              // by namespace and name of the ScaledObject
	owners  map[types.NamespacedName]types.NamespacedName // HTTPScaler to ScaledObject
	added   uint64
}

// object is a ScaledObject with triggers, or with streams that wait for triggers.
type object struct {
	triggers map[types.NamespacedName]*indexed // by demand key
	watchers map[chan struct{}]struct{}
}

// indexed is a trigger in force.
type indexed struct {
	scaler   *scaler.Scaler
	identity string
	// order of appearance of the keys. While a trigger is renamed, two have one identity; the newer
	// one counts.
	order uint64
}

func newIndex() *index {
	return &index{objects: map[types.NamespacedName]*object{}, owners: map[types.NamespacedName]types.NamespacedName{}}
}

// set takes a change of the Catalog.
func (x *index) set(key types.NamespacedName, now *scaler.Scaler) {
	x.mu.Lock()
	defer x.mu.Unlock()
	before, had := x.owners[key]
	if now == nil {
		if had {
			x.remove(before, key)
		}
		return
	}
	owner := types.NamespacedName{Namespace: key.Namespace, Name: now.Spec.ScaledObject}
	if had && before != owner {
		x.remove(before, key)
	}
	o := x.object(owner)
	fresh := &indexed{scaler: now, identity: trigger.Identity(now.Spec)}
	if last := o.triggers[key]; last != nil {
		fresh.order = last.order
	} else {
		x.added++
		fresh.order = x.added
	}
	o.triggers[key], x.owners[key] = fresh, owner
	o.signal()
}

// remove has mu.
func (x *index) remove(owner, key types.NamespacedName) {
	delete(x.owners, key)
	o := x.objects[owner]
	delete(o.triggers, key)
	o.signal()
	x.tidy(owner)
}

// object has mu.
func (x *index) object(key types.NamespacedName) *object {
	o := x.objects[key]
	if o == nil {
		o = &object{triggers: map[types.NamespacedName]*indexed{}, watchers: map[chan struct{}]struct{}{}}
		x.objects[key] = o
	}
	return o
}

// tidy has mu.
func (x *index) tidy(key types.NamespacedName) {
	if o := x.objects[key]; o != nil && len(o.triggers)+len(o.watchers) == 0 {
		delete(x.objects, key)
	}
}

func (o *object) signal() {
	for w := range o.watchers {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// find returns the trigger of an identity; nil: none is in force.
func (x *index) find(owner types.NamespacedName, identity string) *scaler.Scaler {
	x.mu.RLock()
	defer x.mu.RUnlock()
	o := x.objects[owner]
	if o == nil {
		return nil
	}
	var found *indexed
	for _, k := range o.triggers {
		if k.identity == identity && (found == nil || k.order > found.order) {
			found = k
		}
	}
	if found == nil {
		return nil
	}
	return found.scaler
}

// get returns a trigger by its demand key, if it is still one of the object.
func (x *index) get(owner, key types.NamespacedName) *scaler.Scaler {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if o := x.objects[owner]; o != nil && o.triggers[key] != nil {
		return o.triggers[key].scaler
	}
	return nil
}

// count returns how many triggers of an object are in force.
func (x *index) count(owner types.NamespacedName) int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if o := x.objects[owner]; o != nil {
		return len(o.triggers)
	}
	return 0
}

// watch returns a channel that gets a value when the triggers of an object change. Values that are
// not received are merged into one. Cancel must be called.
func (x *index) watch(owner types.NamespacedName) (changed <-chan struct{}, cancel func()) {
	w := make(chan struct{}, 1)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.object(owner).watchers[w] = struct{}{}
	return w, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		delete(x.objects[owner].watchers, w)
		x.tidy(owner)
	}
}
