package keda

import (
	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// streamTrigger finds the trigger that a stream is for, again after each change.
type streamTrigger struct {
	index    *index
	owner    types.NamespacedName
	identity string
	// key of the trigger that was found last, zero before.
	key types.NamespacedName
	// changed has a value when the triggers of the object changed.
	changed <-chan struct{}
	close   func()
}

func (x *index) triggerOf(ref *pb.ScaledObjectRef) *streamTrigger {
	f := &streamTrigger{index: x, owner: ownerOf(ref), identity: trigger.IdentityOf(ref.GetScalerMetadata())}
	f.changed, f.close = x.watch(f.owner)
	return f
}

// find returns the trigger, nil when none is in force. A changed object may be in the Catalog before
// KEDA has read it and opens a new stream; until then the trigger is found by its name.
func (f *streamTrigger) find() *scaler.Scaler {
	found := f.index.find(f.owner, f.identity)
	if found == nil {
		found = f.index.get(f.owner, f.key)
	}
	if found != nil {
		f.key = found.Key
	}
	return found
}

// wakeups is a subscription to Registry.Wake for one key at a time.
type wakeups struct {
	registry Registry
	key      types.NamespacedName
	signals  <-chan struct{}
	cancel   func()
}

// set subscribes to a key; nil: to none.
func (a *wakeups) set(to *scaler.Scaler) {
	if to != nil && a.cancel != nil && a.key == to.Key {
		return
	}
	a.stop()
	if to != nil {
		a.key = to.Key
		a.signals, a.cancel = a.registry.Wake(to.Key)
	}
}

func (a *wakeups) stop() {
	if a.cancel != nil {
		a.cancel()
	}
	a.signals, a.cancel = nil, nil
}
