package status

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/controllers/work"
)

const (
	// DefaultRest lets the proxies have a change before the API server is asked to take a status
	// in, and makes one write of results that follow each other (ADR 0001).
	DefaultRest = 50 * time.Millisecond
	// workers bounds the writes under way. One object has at most one.
	workers = 8
)

// Options are what a Writer depends on.
type Options struct {
	// Reader returns live objects; a cache is enough, since every write carries the
	// resourceVersion it was made from.
	Reader client.Reader
	// Writer updates the status subresource.
	Writer client.StatusClient
	// Within permits writes, see work.Options. Nil: always.
	Within func(context.Context, func(context.Context)) bool
	// Rest is how long a write waits for more to say of the same object. Zero: not at all.
	Rest time.Duration
	Log  logr.Logger
	// Now is the clock of transition times.
	Now func() time.Time
	// Wrote is called after each write, for the counter; it may be nil.
	Wrote func(kind store.Kind, err error)
}

// Writer makes live statuses equal to the wanted ones.
type Writer struct {
	Options
	queue *work.Queue[resolve.Object]

	mu     sync.Mutex
	wanted map[resolve.Object]Update
}

// NewWriter returns a writer that collects updates; Run writes them.
func NewWriter(options Options) *Writer {
	w := &Writer{Options: options, wanted: map[resolve.Object]Update{}}
	w.queue = work.New(work.Options[resolve.Object]{
		Name: "status", Workers: workers, FirstRetry: 20 * time.Millisecond, LastRetry: 30 * time.Second,
		Clock: clock.RealClock{}, Within: options.Within, Do: w.attempt, Log: options.Log,
	})
	return w
}

// Want replaces the wanted status of an object; a nil Value forgets the object.
func (w *Writer) Want(update Update) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if update.Value == nil {
		delete(w.wanted, update.Object)
		return
	}
	w.wanted[update.Object] = update
	w.queue.AddAfter(update.Object, w.Rest)
}

// Observed reports that the live object changed: another controller may have overwritten its status.
func (w *Writer) Observed(object resolve.Object) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.wanted[object]; ok {
		w.queue.AddAfter(object, w.Rest)
	}
}

// Run writes, within Options.Within, until the context ends.
func (w *Writer) Run(ctx context.Context) error {
	w.queue.Run(ctx)
	return nil
}

func (w *Writer) attempt(ctx context.Context, object resolve.Object) work.Next {
	err := w.write(ctx, object)
	switch {
	case err == nil:
		return work.Done()
	case !apierrors.IsConflict(err) && ctx.Err() == nil:
		w.Log.Error(err, "Failed to write a status, will retry", "kind", object.Kind, "object", object.Key)
	}
	return work.Retry()
}

// write brings one object up to date. An object of a newer generation than the wanted status
// is left alone: the engine is about to want another one.
func (w *Writer) write(ctx context.Context, object resolve.Object) error {
	w.mu.Lock()
	update, ok := w.wanted[object]
	w.mu.Unlock()
	if !ok {
		return nil
	}
	row, ok := store.RowOf(object.Kind)
	if !ok {
		return fmt.Errorf("kind %q has no row", object.Kind)
	}
	live := row.New()
	if err := w.Reader.Get(ctx, client.ObjectKey{Namespace: object.Key.Namespace, Name: object.Key.Name}, live); err != nil {
		return client.IgnoreNotFound(err)
	}
	if live.GetGeneration() != update.Generation {
		return nil
	}
	merged := live.DeepCopyObject().(client.Object)
	kinds[object.Kind](merged, update.Value, metav1.NewTime(w.Now()).Rfc3339Copy())
	if equality.Semantic.DeepEqual(live, merged) {
		return nil
	}
	err := w.Writer.Status().Update(ctx, merged)
	if w.Wrote != nil {
		w.Wrote(object.Kind, err)
	}
	return client.IgnoreNotFound(err)
}
