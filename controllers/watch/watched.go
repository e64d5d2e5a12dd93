package watch

import (
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
)

// watched is a Row with its state, which belongs to the goroutine of Run.
type watched struct {
	Row
	// version is what is watched, or was asked for last; versions are all that may be.
	version
	versions []version
	// unserved is when the API server said first that it does not serve the version that is watched; zero: it does.
	// Only of rows with Older.
	unserved time.Time
	// err says that the scheme does not know the type of the object.
	err error
	// answered is called when the kind is known to be missing, or its objects were handed over.
	answered func()

	// feed is nil while the kind is not served.
	feed *feed
	// namespaced: the kind has objects in namespaces; known when members were joined.
	namespaced bool
	// settled is called when no member is waited for any more.
	settled func()
	// missing: the kind was asked for, and was not served.
	missing bool
	// crd is the name that the CRD of the kind has, if there is one.
	crd string
}

func newWatched(row Row, batch *batch, scheme *runtime.Scheme) *watched {
	versions, err := versionsOf(row, scheme)
	made := &watched{Row: row, versions: versions, err: err, answered: sync.OnceFunc(batch.answer)}
	if err == nil {
		made.version = versions[0]
	}
	return made
}

// batch are the rows of one call of Add.
type batch struct {
	open atomic.Int64
	done chan struct{}
}

func newBatch(rows int) *batch {
	b := &batch{done: make(chan struct{})}
	b.open.Store(int64(rows))
	if rows == 0 {
		close(b.done)
	}
	return b
}

func (b *batch) answer() {
	if b.open.Add(-1) == 0 {
		close(b.done)
	}
}
