package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// RetryMissing is how often the API server is asked for kinds that it did not serve. CRDs are
	// noticed at once; kinds of Kubernetes itself and of an aggregated API server have none.
	RetryMissing = 10 * time.Second
	// retryFailed follows a question that the API server did not answer.
	retryFailed = time.Second
)

// finalError is an error that a retry does not mend.
type finalError struct{ error }

// Informers is the part of a cache.Cache that a Watcher needs.
type Informers interface {
	GetInformer(ctx context.Context, object client.Object, options ...cache.InformerGetOption) (cache.Informer, error)
	RemoveInformer(ctx context.Context, object client.Object) error
}

// Options are what a Watcher depends on.
type Options struct {
	Informers Informers
	Mapper    meta.RESTMapper
	// Resources are asked for kinds of rows with Older; nil if no row has any.
	Resources Resources
	Scheme    *runtime.Scheme
	// Trims is the transform of the cache; nil if no row has a Trim.
	Trims *Trims
	// Refusals are those of the cache; nil: informers fail when the API server refuses them.
	Refusals *Refusals
	Clock    clock.Clock
	Log      logr.Logger
}

// Watcher runs the informers of one cache.
type Watcher struct {
	Options
	wake chan struct{}
	// moved: an informer of a member is synced, or was refused.
	moved chan struct{}
	crds  *crds
	// scoped is the cache, if it is one of some namespaces.
	scoped *scoped

	mu   sync.Mutex
	rows []*watched
}

// New returns a Watcher; Run starts it.
func New(options Options) *Watcher {
	w := &Watcher{Options: options, wake: make(chan struct{}, 1), moved: make(chan struct{}, 1)}
	w.crds = &crds{changed: w.crdChanged, deleted: map[string]bool{}}
	w.scoped, _ = options.Informers.(*scoped)
	if options.Refusals != nil {
		options.Refusals.follow(w.move)
	}
	return w
}

// Add watches more kinds; from any goroutine, before or while Run runs. The channel is closed
// when the API server was asked for each of the rows and every object of those that it serves was
// handed over.
func (w *Watcher) Add(rows ...Row) (synced <-chan struct{}) {
	batch := newBatch(len(rows))
	w.mu.Lock()
	for _, row := range rows {
		w.rows = append(w.rows, newWatched(row, batch, w.Scheme))
	}
	w.mu.Unlock()
	w.wakeUp()
	return batch.done
}

// wakeUp has Run go over all rows.
func (w *Watcher) wakeUp() { signal(w.wake) }

// move has Run go over what it knows of them, without a question to the API server.
func (w *Watcher) move() { signal(w.moved) }

func signal(to chan<- struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

func (w *Watcher) crdChanged(group string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.ContainsFunc(w.rows, func(row *watched) bool { return row.gvk.Group == group }) {
		w.wakeUp()
	}
}

// Run watches until the context ends. It fails if the API server does not serve a required kind.
func (w *Watcher) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var syncing sync.WaitGroup
	defer syncing.Wait()
	defer cancel()
	for {
		rows := w.known()
		err := w.update(ctx, rows, &syncing)
		follow := w.following(ctx, rows, &syncing)
		err = errors.Join(err, follow())
		retry := RetryMissing
		var final finalError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &final):
			return final
		case err != nil:
			w.Log.Error(err, "Failed to watch, will retry")
			retry = retryFailed
		}
		if !w.pause(ctx, retry, follow) {
			return nil
		}
	}
}

// pause waits until the API server is to be asked for kinds again; false: the context ended.
func (w *Watcher) pause(ctx context.Context, retry time.Duration, follow func() error) bool {
	timer := w.Clock.NewTimer(retry)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-w.wake:
			return true
		case <-timer.C():
			return true
		case <-w.moved:
			if err := follow(); err != nil && ctx.Err() == nil {
				w.Log.Error(err, "Failed to watch, will retry")
				return true
			}
		}
	}
}

func (w *Watcher) known() []*watched {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.rows)
}

// update starts the informers of kinds that are served now and stops those that are not.
func (w *Watcher) update(ctx context.Context, rows []*watched, syncing *sync.WaitGroup) error {
	var problems []error
	if !w.crds.followed && slices.ContainsFunc(rows, func(row *watched) bool { return row.Optional }) {
		problems = append(problems, w.crds.follow(ctx, w.Informers))
	}
	// One snapshot for all rows: those of one kind share an informer and are lost together.
	deleted := w.crds.snapshot()
	for _, row := range rows {
		problems = append(problems, w.updateRow(ctx, row, deleted, syncing))
	}
	return errors.Join(problems...)
}

// updateRow starts the informer of a row when its kind is served, and stops it when its CRD was
// deleted.
func (w *Watcher) updateRow(ctx context.Context, row *watched, deleted map[string]bool, syncing *sync.WaitGroup) error {
	switch {
	case row.feed == nil:
		served, err := w.served(ctx, row, deleted)
		if err != nil || !served {
			return err
		}
		return w.start(ctx, row, syncing)
	case len(row.Older) > 0:
		if gone, err := w.gone(ctx, row); err != nil || !gone {
			return err
		}
		w.Log.Info("Stopped watching a kind: the API server does not serve it any more", "kind", row.gvk.String())
		return w.stop(ctx, row)
	case row.Optional && deleted[row.crd]:
		w.Log.Info("Stopped watching a kind: its CRD was deleted", "kind", row.gvk.String())
		return w.stop(ctx, row)
	}
	return nil
}

// stop ends the informer of a row, whose objects are gone.
func (w *Watcher) stop(ctx context.Context, row *watched) error {
	row.feed.lose()
	row.feed, row.unserved = nil, time.Time{}
	if err := errors.Join(w.Informers.RemoveInformer(ctx, row.object), w.leave(ctx, row)); err != nil {
		return fmt.Errorf("stop watching %s: %w", row.gvk, err)
	}
	return nil
}

// served reports whether the API server serves the kind of a row.
func (w *Watcher) served(ctx context.Context, row *watched, deleted map[string]bool) (bool, error) {
	if row.err != nil {
		return false, finalError{row.err}
	}
	if len(row.Older) > 0 {
		served, err := w.choose(ctx, row)
		if err == nil && !served {
			err = w.isMissing(row)
		}
		return served, err
	}
	mapping, err := w.Mapper.RESTMapping(row.gvk.GroupKind(), row.gvk.Version)
	if err != nil && !meta.IsNoMatchError(err) {
		return false, fmt.Errorf("ask for %s: %w", row.gvk, err)
	}
	if err == nil {
		row.crd = mapping.Resource.Resource + "." + row.gvk.Group
		if !deleted[row.crd] {
			return true, nil
		}
	}
	return false, w.isMissing(row)
}

// isMissing notes that the API server does not serve the kind of a row.
func (w *Watcher) isMissing(row *watched) error {
	if !row.Optional {
		return finalError{fmt.Errorf("the API server does not serve %s; install the CRDs of Gateway API first (docs/install.md)", row.gvk)}
	}
	if !row.missing {
		w.Log.Info("Waiting for a kind that the API server does not serve", "kind", row.gvk.GroupKind().String())
	}
	row.missing = true
	row.answered()
	return nil
}

func (w *Watcher) start(ctx context.Context, row *watched, syncing *sync.WaitGroup) error {
	if row.Trim != nil && w.Trims != nil {
		w.Trims.set(row.gvk, row.Trim)
	}
	informer, err := w.Informers.GetInformer(ctx, row.object, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watch %s: %w", row.gvk, err)
	}
	feed := newFeed(row.Row, w.Log)
	registration, err := informer.AddEventHandler(feed.events())
	if err != nil {
		return fmt.Errorf("watch %s: %w", row.gvk, err)
	}
	row.feed, row.missing = feed, false
	settled := make(chan struct{})
	row.settled = sync.OnceFunc(func() { close(settled) })
	syncing.Go(func() {
		if done(ctx, feed, registration.HasSyncedChecker().Done()) && done(ctx, feed, settled) {
			feed.synced()
		}
		if ctx.Err() == nil {
			row.answered()
		}
	})
	return nil
}

// done waits for a channel to close; false: the feed, or the context, ended before.
func done(ctx context.Context, feed *feed, closed <-chan struct{}) bool {
	select {
	case <-closed:
		return true
	case <-feed.done:
	case <-ctx.Done():
	}
	return false
}
