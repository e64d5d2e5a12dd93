package wiring

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/kedify/inference-gateway/controllers/apply"
	"github.com/kedify/inference-gateway/controllers/compare"
	"github.com/kedify/inference-gateway/wiring/standby"
)

const (
	standbyFirstRetry = time.Second
	standbyRetry      = 30 * time.Second
)

// Pod is the Pod of this replica, which answers KEDA while no controller is ready. The zero value: there is
// none, and KEDA gets no answer then.
type Pod = standby.Pod

// serveStandby answers KEDA while no controller is ready.
func (w *Wiring) serveStandby(ctx context.Context) error {
	if w.deps.Options.KEDAListen == "" {
		return nil
	}
	accept, err := w.deps.Listen(w.deps.Options.KEDAListen)
	if err != nil {
		return fmt.Errorf("listen for KEDA: %w", err)
	}
	return w.standby.Serve(ctx, accept)
}

// registerStandby makes the Pod of this replica a standby endpoint of the controllers' Service. The slices
// go with the Pod.
func (w *Wiring) registerStandby(ctx context.Context) error {
	if w.deps.Options.KEDAListen == "" || w.deps.Pod.UID == "" {
		return nil
	}
	_, text, err := net.SplitHostPort(w.deps.Options.KEDAListen)
	if err != nil {
		return fmt.Errorf("--keda-listen: %w", err)
	}
	port, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return fmt.Errorf("--keda-listen: %w", err)
	}
	engine := apply.New(apply.Options{
		Client: w.deps.API.Direct, FieldOwner: fieldOwner, Owner: apply.ByLabel(discoveryv1.LabelManagedBy, standby.ManagedBy),
		Lists: compare.Lists{Merged: []string{"ownerReferences"}}, Log: w.deps.Log,
	})
	for wait := standbyFirstRetry; ; wait = min(2*wait, standbyRetry) {
		var problems []error
		for _, slice := range standby.Slices(w.controllers(), w.deps.Pod, int32(port)) {
			_, err := engine.Ensure(ctx, slice, nil)
			problems = append(problems, err)
		}
		err := errors.Join(problems...)
		if err == nil {
			return nil
		}
		w.deps.Log.Error(err, "Failed to become a standby of the controllers for KEDA, will retry", "service", w.controllers().String())
		select {
		case <-w.deps.Clock.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}
