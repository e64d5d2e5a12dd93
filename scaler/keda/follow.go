package keda

import (
	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// follower finds the trigger of one stream again and again.
type follower struct {
	index    *index
	owner    types.NamespacedName
	identity string
	// key of the trigger that was found last; the zero value: none was.
	key types.NamespacedName
	// changed has a value when the triggers of the object changed.
	changed <-chan struct{}
	close   func()
}

func (x *index) follow(ref *pb.ScaledObjectRef) *follower {
	f := &follower{index: x, owner: ownerOf(ref), identity: trigger.IdentityOf(ref.GetScalerMetadata())}
	f.changed, f.close = x.watch(f.owner)
	return f
}

// find returns the trigger, nil when none is in force. When the object changes we may know it
// before KEDA does and opens a new stream; until then the trigger keeps its name.
func (f *follower) find() *scaler.Scaler {
	found := f.index.find(f.owner, f.identity)
	if found == nil {
		found = f.index.get(f.owner, f.key)
	}
	if found != nil {
		f.key = found.Key
	}
	return found
}

// alarm is a subscription to Registry.Wake for one key at a time.
type alarm struct {
	registry Registry
	key      types.NamespacedName
	rings    <-chan struct{}
	cancel   func()
}

// set subscribes to a key; nil: to none.
func (a *alarm) set(to *scaler.Scaler) {
	if to != nil && a.cancel != nil && a.key == to.Key {
		return
	}
	a.stop()
	if to != nil {
		a.key = to.Key
		a.rings, a.cancel = a.registry.Wake(to.Key)
	}
}

func (a *alarm) stop() {
	if a.cancel != nil {
		a.cancel()
	}
	a.rings, a.cancel = nil, nil
}
