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
}

func newFeed(row Row, log logr.Logger) *feed {
	f := &feed{row: row, log: log, done: make(chan struct{})}
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
		FilterFunc: func(object any) bool { return f.row.Select(lastKnown(object)) },
		Handler:    events,
	}
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
	if f.row.Unchanged == nil || !f.row.Unchanged(before, after) {
		f.set(before, after)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remember(after)
}

func (f *feed) set(before, after client.Object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.lost {
		f.remember(after)
		f.call(after, func() { f.row.Handler.Set(before, after) })
	}
}

// call hands an object over. A panic of the Handler is the fault of that object alone.
func (f *feed) call(object client.Object, handle func()) {
	if err := contain.Do(handle); err != nil {
		contain.Log(f.log, err, "An object was not handed over",
			"type", fmt.Sprintf("%T", object), "object", client.ObjectKeyFromObject(object).String())
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
		delete(f.objects, client.ObjectKeyFromObject(object))
		f.call(object, func() { f.row.Handler.Delete(object) })
	}
}

func (f *feed) synced() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.lost {
		f.row.Handler.Synced()
	}
}

// lose deletes every object and ends the feed: the kind is not served any more.
func (f *feed) lose() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lost = true
	close(f.done)
	for _, object := range f.objects {
		f.call(object, func() { f.row.Handler.Delete(object) })
	}
	f.objects = nil
	f.row.Handler.Lost()
}
