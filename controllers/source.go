package controllers

import (
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/engine"
	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/class"
	"github.com/kedify/inference-gateway/controllers/status"
	"github.com/kedify/inference-gateway/controllers/store"
)

// Source hands what informers see to the engine, and tells the status writer about objects
// whose status somebody else may have changed.
type Source struct {
	loop     *engine.Loop
	statuses *status.Writer
	// Ready is set when everything that existed at the start was handed over.
	Ready *atomic.Bool
}

// NewSource returns a watch.Sink.
func NewSource(loop *engine.Loop, statuses *status.Writer) *Source {
	return &Source{loop: loop, statuses: statuses, Ready: &atomic.Bool{}}
}

// Set is watch.Sink.
func (s *Source) Set(kind store.Kind, object client.Object) {
	s.loop.Set(kind, object)
	if status.Has(kind) {
		s.statuses.Observed(resolve.Object{Kind: kind, Key: store.KeyOf(object)})
	}
}

// Delete is watch.Sink.
func (s *Source) Delete(kind store.Kind, key types.NamespacedName) { s.loop.Delete(kind, key) }

// Installed is watch.Sink.
func (s *Source) Installed(crds class.Installed) { s.loop.Installed(crds) }

// Synced is watch.Sink.
func (s *Source) Synced() {
	s.loop.Synced()
	s.Ready.Store(true)
}
