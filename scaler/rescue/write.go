package rescue

import (
	"context"
	"fmt"
	"time"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/scale"
)

// writeTimeout of an attempt with all its requests.
const writeTimeout = 5 * time.Second

// Rescue is a write, or the failure to make one.
type Rescue struct {
	Scaler *scaler.Scaler
	Reason Reason
	// Held requests ask for To replicas; there were From.
	Held     int
	From, To int32
	// Err of the attempt; From is zero then.
	Err error
}

// String is a sentence for an event.
func (r Rescue) String() string {
	target := r.Scaler.Spec.Scale.Target
	why := "KEDA did not start it in time"
	if r.Reason == OneStep {
		why = "scaleFromZero is needed"
	}
	if r.Err != nil {
		return fmt.Sprintf("Cannot scale %s %s to %d for %d held requests (%s): %v", target.Kind, target.Name, r.To, r.Held, why, r.Err)
	}
	return fmt.Sprintf("Scaled %s %s from %d to %d for %d held requests: %s", target.Kind, target.Name, r.From, r.To, r.Held, why)
}

// try makes one attempt when a slot is free, and returns how many replicas it found, -1 when it
// failed.
func (r *Rescuer) try(ctx context.Context, of *scaler.Scaler, act action) int32 {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return -1
	}
	if act.reason == Check {
		ctx, cancel := context.WithTimeout(ctx, writeTimeout)
		defer cancel()
		scale, err := r.options.Scales.Get(ctx, of.Key.Namespace, of.Spec.Scale.Target)
		if err != nil {
			return -1 // an attempt to write fails as well, and reports it
		}
		return scale.Spec.Replicas
	}
	return r.rescue(ctx, of, act)
}

// rescue writes /scale and reports the result.
func (r *Rescuer) rescue(ctx context.Context, of *scaler.Scaler, act action) int32 {
	done := Rescue{Scaler: of, Reason: act.reason, Held: act.held, To: act.want}
	written := false
	done.From, written, done.Err = r.write(ctx, of, act)
	result := resultScaled
	switch {
	case ctx.Err() != nil:
		return -1 // the process stops; the attempt did not fail
	case done.Err != nil:
		result = resultError
	case !written:
		result = resultUnneeded
	}
	reason := act.reason
	if act.blind && result == resultUnneeded {
		reason = Check // the target has replicas: KEDA was not deaf
	}
	r.options.Metrics.rescues.WithLabelValues(string(reason), result).Inc()
	log := r.options.Log.WithValues("trigger", of.Key.String())
	switch {
	case done.Err != nil: // the sentence ends with the error
		log.Error(nil, done.String())
		r.options.Report(done)
		return -1
	case written:
		log.Info(done.String())
		r.options.Report(done)
	}
	return done.From
}

// write raises the replicas. It returns false if there are enough.
func (r *Rescuer) write(ctx context.Context, of *scaler.Scaler, act action) (from int32, written bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return scale.Raise(ctx, r.options.Scales, scale.WorkloadOf(of.Key.Namespace, of.Spec.Scale), act.want, func(from int32) bool {
		return from > 0 && act.reason == Deaf
	})
}
