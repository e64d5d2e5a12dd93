// Package watch feeds the engine from the API server.
//
// Job: one informer per row of store.Rows; every event becomes a Set or a Delete. One more
// reads the metadata of CRDs: their channel and version decide what is claimed. Inputs: a
// cache. Outputs: calls of a Sink, and one Synced after everything that existed at the start
// was handed over. Kinds whose CRD is missing are skipped and picked up when it appears.
// Ownership: Run blocks; event handlers run on informer goroutines and only enqueue.
package watch

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/store"
)

// retryMissing is how often the API server is asked for kinds it did not know.
const retryMissing = 10 * time.Second

// Sink takes what happens. Its methods must not block.
type Sink interface {
	Set(kind store.Kind, object client.Object)
	Delete(kind store.Kind, key types.NamespacedName)
	// Installed is called with all CRDs of the Gateway API whenever one of them changed.
	Installed(crds class.Installed)
	Synced()
}

// Options are what a Watch depends on.
type Options struct {
	Cache  cache.Cache
	Mapper meta.RESTMapper
	Scheme *runtime.Scheme
	Sink   Sink
	Log    logr.Logger
}

// Watch runs the informers.
type Watch struct{ Options }

// New returns a watch; Run starts it.
func New(options Options) *Watch { return &Watch{options} }

// Run hands over everything that exists, says Synced, and goes on until the context ends.
func (w *Watch) Run(ctx context.Context) error {
	missing, err := w.start(ctx, store.Rows)
	if err != nil {
		return err
	}
	if err := w.installed(ctx); err != nil {
		return err
	}
	w.Sink.Synced()
	ticker := time.NewTicker(retryMissing)
	defer ticker.Stop()
	for len(missing) > 0 {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		// An API server that is away says nothing about kinds, and must not end the process.
		if still, err := w.start(ctx, missing); err == nil {
			missing = still
		} else if ctx.Err() == nil {
			w.Log.Error(err, "cannot look for kinds that were missing, will retry")
		}
	}
	<-ctx.Done()
	return nil
}

// start runs informers for the rows and waits until their objects were handed over. It
// returns the optional rows that the API server does not serve.
func (w *Watch) start(ctx context.Context, rows []store.Row) (missing []store.Row, err error) {
	var handed []toolscache.InformerSynced
	for _, row := range rows {
		served, err := w.served(row)
		if err != nil {
			return nil, err
		}
		if !served {
			w.Log.Info("kind is not served, waiting for its CRD", "kind", row.Kind)
			missing = append(missing, row)
			continue
		}
		informer, err := w.Cache.GetInformer(ctx, row.New(), cache.BlockUntilSynced(false))
		if err != nil {
			return nil, fmt.Errorf("watch %s: %w", row.Kind, err)
		}
		registration, err := informer.AddEventHandler(w.handler(row.Kind))
		if err != nil {
			return nil, fmt.Errorf("watch %s: %w", row.Kind, err)
		}
		handed = append(handed, registration.HasSynced)
	}
	if !toolscache.WaitForCacheSync(ctx.Done(), handed...) {
		return nil, ctx.Err()
	}
	return missing, nil
}

// served reports whether the API server knows the kind. A required kind that it does not know
// is an error that says what to install.
func (w *Watch) served(row store.Row) (bool, error) {
	gvk, err := apiutil.GVKForObject(row.New(), w.Scheme)
	if err != nil {
		return false, err
	}
	_, err = w.Mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	switch {
	case err == nil:
		return true, nil
	case !meta.IsNoMatchError(err):
		return false, fmt.Errorf("ask for %s: %w", gvk, err)
	case row.Optional:
		return false, nil
	}
	return false, fmt.Errorf("the API server does not serve %s; install the CRDs of Gateway API first (docs/install.md)", gvk)
}

func (w *Watch) handler(kind store.Kind) toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { w.Sink.Set(kind, object.(client.Object)) },
		UpdateFunc: func(_, object any) { w.Sink.Set(kind, object.(client.Object)) },
		DeleteFunc: func(object any) {
			if tombstone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
				object = tombstone.Obj
			}
			w.Sink.Delete(kind, store.KeyOf(object.(client.Object)))
		},
	}
}

// Transform is the cache's transform: it keeps out of memory what nobody reads.
func Transform(object any) (any, error) {
	if o, ok := object.(client.Object); ok {
		return store.Trim(o), nil
	}
	return object, nil
}
