package controllers

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/kedify/inference-gateway/controllers/engine"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/resource"
	"github.com/kedify/inference-gateway/xds/translate"
)

// findTimeout bounds the look for the object of an event; it is in a cache.
const findTimeout = 5 * time.Second

// Feedback turns what is known about proxies into input of the engine, and tells the user about
// rejections: an event on each object that caused one.
type Feedback struct {
	loop   *engine.Loop
	events events.EventRecorder
	reader client.Reader

	mu   sync.Mutex
	told map[types.NamespacedName]map[refused]bool
}

// refused is one version of a resource that a proxy rejected.
type refused struct {
	key     resource.Key
	version string
}

// NewFeedback returns a feedback into the loop. reader finds the objects that events are for.
func NewFeedback(loop *engine.Loop, recorder events.EventRecorder, reader client.Reader) *Feedback {
	return &Feedback{loop: loop, events: recorder, reader: reader, told: map[types.NamespacedName]map[refused]bool{}}
}

// Deliver takes what the proxies of all replicas have, see peers.Options.Deliver. It does not
// block.
func (f *Feedback) Deliver(d publish.Delivery) {
	delivery := engine.Delivery{Connected: d.Connected, Ports: map[uint32]bool{}}
	for name, acked := range d.Listeners {
		if port, ok := translate.ListenerPort(name); ok {
			delivery.Ports[port] = acked
		}
	}
	for _, rejection := range d.Rejected {
		delivery.Rejected = append(delivery.Rejected, engine.Rejection{Sources: rejection.Sources, Message: rejection.Message})
	}
	f.loop.Deliver(types.NamespacedName(d.Gateway), delivery)
}

// Announce makes events of the rejections by proxies of this replica. Only the replica that
// serves a proxy announces what it refused, so that the cluster hears of it once.
func (f *Feedback) Announce(d publish.Delivery) {
	for _, rejection := range f.news(d) {
		f.announce(rejection)
	}
}

// news returns the rejections that nobody was told of yet.
func (f *Feedback) news(d publish.Delivery) (fresh []publish.Rejection) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := map[refused]bool{}
	for _, rejection := range d.Rejected {
		id := refused{rejection.Resource, rejection.Version}
		now[id] = true
		if !f.told[types.NamespacedName(d.Gateway)][id] {
			fresh = append(fresh, rejection)
		}
	}
	f.told[types.NamespacedName(d.Gateway)] = now
	if len(now) == 0 {
		delete(f.told, types.NamespacedName(d.Gateway))
	}
	return fresh
}

func (f *Feedback) announce(rejection publish.Rejection) {
	ctx, cancel := context.WithTimeout(context.Background(), findTimeout)
	defer cancel()
	for _, source := range rejection.Sources {
		row, ok := store.RowOf(store.Kind(source.Kind))
		if !ok {
			continue
		}
		object := row.New()
		if err := f.reader.Get(ctx, client.ObjectKey{Namespace: source.Namespace, Name: source.Name}, object); err != nil {
			continue // gone: nobody to tell
		}
		f.events.Eventf(object, nil, corev1.EventTypeWarning, "RejectedByProxy", "Publish",
			"Envoy %s refused %s: %s; its last good version stays in force", rejection.Node, rejection.Resource.Name, rejection.Message)
	}
}
