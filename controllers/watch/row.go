package watch

import (
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Row is one kind to watch: everything that differs between kinds.
type Row struct {
	// Object is an empty object of the kind: a Go type of the scheme, an
	// unstructured.Unstructured for a kind without one, or a metav1.PartialObjectMetadata to keep
	// metadata alone.
	Object client.Object
	// Older are empty objects of the same kind in older versions, the newest first. A row that has any is of a kind of
	// Kubernetes itself, and the Handler gets objects of the newest version that the API server serves. Kinds with a
	// CRD have none.
	Older []client.Object
	// Optional kinds may be absent from the API server: their CRD is installed later, or never; those of Kubernetes
	// itself are behind a feature gate, or come with an upgrade.
	Optional bool
	// Dispensable kinds are not waited for while the API server refuses to list them: a chart of before has no right to
	// them. Synced is called when it does.
	Dispensable bool
	// Derived rows are read for what follows from the objects of others: theirs are handed over after those when a namespace
	// opens.
	Derived bool
	// Trim drops from an object what no reader of the cache needs, before it is stored; it may
	// modify the object. The cache holds an object once: all rows of a kind share its trim.
	Trim func(client.Object) client.Object
	// Select tells which objects are handed over; nil: all. An object that is not selected any
	// more is deleted.
	Select func(client.Object) bool
	// Unchanged tells which updates are not handed over; nil: none.
	Unchanged func(before, after client.Object) bool
	Handler   Handler
}

// Handler receives what happens to the objects of one row. Its methods must not block. Objects
// are shared with the cache and must not be modified. A panic in it, or in a function of its row, is the fault of
// the object that it was called with: it is logged, all others are handed over, and the next version of that object is,
// as one that appeared.
type Handler interface {
	// Set is called when an object appeared, with a nil before, or changed.
	Set(before, after client.Object)
	// Delete is called with the last known state of the object.
	Delete(object client.Object)
	// Synced is called when all objects that existed were handed over: once when the row starts,
	// and again each time its kind comes back.
	Synced()
	// Lost is called when the kind is not served any more, after Delete of each of its objects.
	Lost()
}

// Funcs is a Handler of objects of type T. A nil function does nothing.
type Funcs[T client.Object] struct {
	OnSet    func(before, after T)
	OnDelete func(object T)
	OnSynced func()
	OnLost   func()
}

// Set implements Handler.
func (f Funcs[T]) Set(before, after client.Object) {
	if f.OnSet == nil {
		return
	}
	typed, _ := before.(T) // nil when the object appeared
	f.OnSet(typed, after.(T))
}

// Delete implements Handler.
func (f Funcs[T]) Delete(object client.Object) {
	if f.OnDelete != nil {
		f.OnDelete(object.(T))
	}
}

// Synced implements Handler.
func (f Funcs[T]) Synced() { call(f.OnSynced) }

// Lost implements Handler.
func (f Funcs[T]) Lost() { call(f.OnLost) }

func call(function func()) {
	if function != nil {
		function()
	}
}
