package keda

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/types"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
)

const (
	// youth is how long a trigger is new. The Envoys of a Gateway that came with it start in that time.
	youth = 2 * time.Minute
	// firstWait is how long the first question about a ScaledObject waits for its first trigger. KEDA asks as soon as the
	// object exists, and the HTTPScaler is made of the same object, at the same time.
	firstWait = time.Second
	// maxFirst bounds the ScaledObjects without a trigger that are remembered. A question about each of them waits once;
	// with more of them all are forgotten, and it waits once more.
	maxFirst = 4096
)

// beginning reports whether the demand of a trigger is unknown only because it is new, and whether its target runs.
//
// An error to KEDA becomes a Warning on the ScaledObject, at every poll, although nothing is wrong. An answer without a value is
// no number either: KEDA hands none to the HPA, which leaves the replicas alone. It does ask IsActive then, and takes
// "no" for the end of all activity. So what runs is active and what sleeps is not, which leaves both as they are.
//
// A formula would make zero of no value, and a bypass or a direct path are what a user should read about: those
// answers stay errors. So do those about targets of which nothing is known.
func (s *Server) beginning(of *scaler.Scaler, err error) (running, quiet bool) {
	if err == nil || !errors.Is(err, demand.ErrUnknown) || of.Spec.Scale.Formula || time.Since(of.Created) >= youth {
		return false, false
	}
	return s.running(of)
}

// awaitFirst waits for the first trigger of a ScaledObject, once and not for long.
func (s *Server) awaitFirst(ctx context.Context, ref *pb.ScaledObjectRef) {
	changed, wait := s.index.first(ownerOf(ref))
	if !wait {
		return
	}
	defer s.index.unwatch(ownerOf(ref), changed)
	timer := time.NewTimer(s.firstWait)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-s.stopping:
	case <-ctx.Done():
	}
}

// first returns a channel that gets a value when the triggers of an object change, if there is none yet and no question has waited
// for one before. The channel is to be handed to unwatch.
func (x *index) first(owner types.NamespacedName) (changed chan struct{}, wait bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if o := x.objects[owner]; o != nil && len(o.triggers) > 0 || x.awaited[owner] {
		return nil, false
	}
	if len(x.awaited) >= maxFirst {
		clear(x.awaited)
	}
	x.awaited[owner] = true
	return x.watchLocked(owner), true
}
