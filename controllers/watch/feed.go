package watch

import (
	"fmt"
	"sync"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/internal/contain"
)

// feed carries the events of one informer to the Handler of a row, from the start of the informer
// until the kind is lost.
type feed struct {
	row Row
	log logr.Logger
	// done is closed by lose.
	done chan struct{}

	// mu is held while the Handler is called: no call follows Lost.
	mu   sync.Mutex
	lost bool
	// objects that were handed over; kept for optional rows alone, the only ones that can be lost.
	objects map[types.NamespacedName]client.Object
	// failed are objects whose last event panicked. The Handler may not know them, nor survive a second look
	// at them, so that what comes next is to it the first that it hears.
	failed map[types.NamespacedName]bool
}

func newFeed(row Row, log logr.Logger) *feed {
	f := &feed{row: row, log: log, done: make(chan struct{}), failed: map[types.NamespacedName]bool{}}
	if row.Optional {
		f.objects = map[types.NamespacedName]client.Object{}
	}
	return f
}

// events is what the informer calls.
func (f *feed) events() toolscache.ResourceEventHandler {
	events := toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { f.set(nil, object.(client.Object)) },
		UpdateFunc: func(before, after any) { f.update(before.(client.Object), after.(client.Object)) },
		DeleteFunc: func(object any) { f.delete(lastKnown(object)) },
	}
	if f.row.Select == nil {
		return events
	}
	return toolscache.FilteringResourceEventHandler{
		FilterFunc: func(object any) bool { return f.selects(lastKnown(object)) },
		Handler:    events,
	}
}

// selects is Row.Select. An object on which it panics is not handed over.
func (f *feed) selects(object client.Object) (selected bool) {
	f.contained(object, func() { selected = f.row.Select(object) })
	return selected
}

// lastKnown is the object of an event. An informer that missed the deletion of an object wraps
// the state that it knew.
func lastKnown(object any) client.Object {
	if tombstone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = tombstone.Obj
	}
	return object.(client.Object)
}

func (f *feed) update(before, after client.Object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unchanged(before, after) {
		f.remember(after)
		return
	}
	f.handSet(before, after)
}

// unchanged is Row.Unchanged. What it panics on has changed.
func (f *feed) unchanged(before, after client.Object) (same bool) {
	if f.row.Unchanged == nil || f.failed[client.ObjectKeyFromObject(after)] {
		return false
	}
	f.contained(after, func() { same = f.row.Unchanged(before, after) })
	return same
}

func (f *feed) set(before, after client.Object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handSet(before, after)
}

// handSet has mu.
func (f *feed) handSet(before, after client.Object) {
	if f.lost {
		return
	}
	f.remember(after)
	if key := client.ObjectKeyFromObject(after); f.failed[key] {
		before = nil
		delete(f.failed, key)
	}
	f.hand(after, func() { f.row.Handler.Set(before, after) })
}

// hand hands an object over. A panic of the Handler is the fault of that object alone.
func (f *feed) hand(object client.Object, handle func()) {
	if !f.contained(object, handle) {
		f.failed[client.ObjectKeyFromObject(object)] = true
	}
}

// contained calls a function about an object, and reports whether it returned.
func (f *feed) contained(object client.Object, function func()) bool {
	err := contain.Do(function)
	if err != nil {
		contain.Log(f.log, err, "An object was not handed over",
			"type", fmt.Sprintf("%T", object), "object", client.ObjectKeyFromObject(object).String())
	}
	return err == nil
}

// tell calls a method of the Handler that is about the kind.
func (f *feed) tell(method func()) {
	if err := contain.Do(method); err != nil {
		contain.Log(f.log, err, "What became of a kind was not told", "type", fmt.Sprintf("%T", f.row.Object))
	}
}

func (f *feed) remember(object client.Object) {
	if f.objects != nil {
		f.objects[client.ObjectKeyFromObject(object)] = object
	}
}

func (f *feed) delete(object client.Object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.lost {
		f.handDelete(object)
	}
}

func (f *feed) synced() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.lost {
		f.tell(f.row.Handler.Synced)
	}
}

// lose deletes every object and ends the feed: the kind is not served any more.
func (f *feed) lose() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lost = true
	close(f.done)
	for _, object := range f.objects {
		f.handDelete(object)
	}
	f.objects = nil
	f.tell(f.row.Handler.Lost)
}

// handDelete has mu. An object of the name that comes later is another one.
func (f *feed) handDelete(object client.Object) {
	delete(f.objects, client.ObjectKeyFromObject(object))
	delete(f.failed, client.ObjectKeyFromObject(object))
	f.contained(object, func() { f.row.Handler.Delete(object) })
}
