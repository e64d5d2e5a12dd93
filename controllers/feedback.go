package controllers

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/controllers/engine"
	"github.com/kedify/inference-gateway/controllers/events"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/publish"
	"github.com/kedify/inference-gateway/xds/translate"
)

// Feedback turns what is known about proxies into input of the engine, and tells the user about
// rejections: an event on each object that caused one.
type Feedback struct {
	loop   *engine.Loop
	events *events.Writer
}

// NewFeedback returns a feedback into the loop.
func NewFeedback(loop *engine.Loop, writer *events.Writer) *Feedback {
	return &Feedback{loop: loop, events: writer}
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

// rejectionTopic is the topic of the events about the rejections by the proxies of a Gateway.
type rejectionTopic types.NamespacedName

// Announce makes events of the rejections by proxies of this replica. Only the replica that
// serves a proxy announces its rejections, so that there is one event in the cluster.
func (f *Feedback) Announce(d publish.Delivery) {
	var all []events.Event
	for _, rejection := range d.Rejected {
		for _, source := range rejection.Sources {
			row, ok := store.RowOf(store.Kind(source.Kind))
			if !ok {
				continue
			}
			object := row.New()
			object.SetNamespace(source.Namespace)
			object.SetName(source.Name)
			all = append(all, events.Event{
				Regarding: object, Type: corev1.EventTypeWarning, Reason: "RejectedByProxy", Action: "Publish",
				Note: fmt.Sprintf("Envoy %s rejected %s: %s; its last good version stays in force",
					rejection.Node, rejection.Resource.Name, rejection.Message),
			})
		}
	}
	f.events.WriteOnce(rejectionTopic(d.Gateway), all)
}
