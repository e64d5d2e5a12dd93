package plane

import (
	"github.com/kedify/inference-gateway/controllers/infra"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/publish"
)

// wires are the calls against the order of construction: the caller is made before the receiver.
// Nothing is sent before New returns, because nothing runs.
type wires struct {
	// delivered: the publisher knows what the Envoys of this replica have.
	delivered wire[publish.Delivery]
	// accepted: an Envoy acknowledged a resource that the gate observes.
	accepted wire[publish.Acceptance]
	// rejected: an Envoy refused a resource.
	rejected wire[rejected]
	// reported: the isolation knows what the Envoys of this replica have, and which rules are withheld.
	reported wire[publish.Delivery]
	// merged: the exchange knows what the Envoys of all replicas have.
	merged wire[publish.Delivery]
	// applied: an attempt to apply a data plane ended.
	applied wire[infra.Result]
	// counting: Envoys of users count in other namespaces than before.
	counting wire[struct{}]
	// authority: the CA changed.
	authority wire[struct{}]
}

// rejected is a call of publish.Options.OnRejected.
type rejected struct {
	gateway   ir.Key
	rejection publish.Rejection
}

// wire is one call. connect is called once, by New.
type wire[T any] struct{ receivers []func(T) }

func (w *wire[T]) connect(receivers ...func(T)) { w.receivers = receivers }

// send calls the receivers in order. Without any, construction is wrong, and that is a panic.
func (w *wire[T]) send(value T) {
	if len(w.receivers) == 0 {
		panic("a wire of the plane is not connected")
	}
	for _, receive := range w.receivers {
		receive(value)
	}
}

// changed adapts a receiver that takes no value.
func changed(refresh func()) func(struct{}) { return func(struct{}) { refresh() } }
