package plane

import (
	"context"
	"sync/atomic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/engine"
	"github.com/kedify/inference-gateway/controllers/linger"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/controllers/watch"
)

// inputs hands what informers see to the engine, and tells the status writer about objects
// whose status another controller may have changed.
type inputs struct {
	loop *engine.Loop
	// linger is between the informers and the loop.
	linger   *linger.Linger
	statuses *status.Writer
	watcher  *watch.Watcher
	listing  *listing
	// suspects are read off an object before the engine has it, so before a status is wanted of it.
	suspects *suspects
	// ready is set when everything that existed at the start was handed over.
	ready atomic.Bool
}

// watch has the watcher watch every row of the store and the CRDs of the Gateway API.
func (i *inputs) watch() {
	i.listing.add("CustomResourceDefinition", required, i.watcher.Add(installedRow(i.loop.Installed)))
	for _, row := range store.Rows {
		if row.Optional {
			i.loop.Serve(row.Kind, false) // until its objects were handed over
		}
		i.listing.add(string(row.Kind), needOf(row), i.watcher.Add(i.row(row)))
	}
}

// run waits for the objects of what is watched. It returns when the context ends.
func (i *inputs) run(ctx context.Context) error {
	if !i.listing.wait(ctx) {
		return nil
	}
	i.loop.Synced()
	i.ready.Store(true)
	i.listing.followLate(ctx)
	<-ctx.Done()
	return nil
}

func (i *inputs) row(row store.Row) watch.Row {
	set := func(object client.Object) { i.linger.Set(row.Kind, object) }
	if status.Has(row.Kind) {
		set = func(object client.Object) {
			i.suspects.observe(row.Kind, object)
			i.linger.Set(row.Kind, object)
			i.statuses.Observed(resolve.Object{Kind: row.Kind, Key: store.KeyOf(object)})
		}
	}
	older := make([]client.Object, 0, len(row.Older))
	for _, newObject := range row.Older {
		older = append(older, newObject())
	}
	made := watch.Row{Object: row.New(), Older: older, Optional: row.Optional, Dispensable: row.Dispensable}
	made.Handler = watch.Funcs[client.Object]{
		OnSet: func(_, object client.Object) { set(store.Current(object)) },
		OnDelete: func(object client.Object) {
			i.suspects.forget(row.Kind, object)
			i.linger.Delete(row.Kind, object)
		},
		OnSynced: func() { i.loop.Serve(row.Kind, true) },
		OnLost:   func() { i.loop.Serve(row.Kind, false) },
	}
	return made
}

// installedRow watches the metadata of the CRDs of the Gateway API: their channel and version
// decide which features are claimed.
func installedRow(report func(class.Installed)) watch.Row {
	crds := &installedCRDs{report: report, known: map[string]class.CRD{}}
	return watch.Row{Object: watch.NewCRD(), Select: ofGatewayAPI, Handler: watch.Funcs[*metav1.PartialObjectMetadata]{
		OnSet: crds.set, OnDelete: crds.delete,
	}}
}
