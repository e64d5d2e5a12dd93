package burst

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/scale"
)

// writeTimeout of an attempt with all its requests.
const writeTimeout = 5 * time.Second

// attempt is one to raise the replicas of a trigger.
type attempt struct {
	of *scaler.Scaler
	// demanded are replicas, as a fraction, by a metric.
	demanded float64
	metric   string
	// blind: the replicas are not known from memory.
	blind bool
}

// Burst is a write, or the failure to make one.
type Burst struct {
	Scaler *scaler.Scaler
	// Metric of which the value is Demanded times its target.
	Metric   string
	Demanded float64
	From, To int32
	// Err of the attempt; From and To are zero then.
	Err error
}

// String is a sentence for an event.
func (b Burst) String() string {
	target := b.Scaler.Spec.Scale.Target
	if b.Err != nil {
		return fmt.Sprintf("Cannot raise the replicas of %s %s by burstScaling: %v", target.Kind, target.Name, b.Err)
	}
	return fmt.Sprintf("Scaled %s %s from %d to %d by burstScaling: %s is %.2f times its target",
		target.Kind, target.Name, b.From, b.To, b.Metric, b.Demanded)
}

// attempt makes one, and reports it.
func (b *Burster) attempt(ctx context.Context, key types.NamespacedName, a attempt) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	done := Burst{Scaler: a.of, Metric: a.metric, Demanded: a.demanded}
	var result string
	done.From, done.To, result, done.Err = b.raise(ctx, a)
	stopped := done.Err != nil && ctx.Err() == context.Canceled
	b.did(key, a, done, result)
	if stopped {
		return // the process stops; the attempt did not fail
	}
	b.options.Metrics.attempts.WithLabelValues(result).Inc()
	log := b.options.Log.WithValues("trigger", key.String())
	switch {
	case done.Err != nil: // the sentence ends with the error
		log.Error(nil, done.String())
		b.options.Report(done)
	case result == resultScaled:
		log.Info(done.String())
		b.options.Report(done)
	}
}

// raise writes as many replicas as are demanded and allowed.
func (b *Burster) raise(ctx context.Context, a attempt) (from, to int32, result string, err error) {
	most, why, err := b.options.Allowed(ctx, a.of)
	switch {
	case err != nil:
		return 0, 0, resultError, err
	case why != "":
		b.options.Log.V(1).Info("Replicas are not raised", "trigger", a.of.Key.String(), "why", why)
		return 0, 0, resultRefused, nil
	}
	most = min(most, a.of.Spec.Scale.Max)
	workload := scale.WorkloadOf(a.of.Key.Namespace, a.of.Spec.Scale)
	from, err = b.replicas(ctx, a, workload)
	if err != nil {
		return 0, 0, resultError, err
	}
	to = wanted(a.demanded, from, b.leastOf(a.of.Key, from), most)
	if to == 0 {
		return from, 0, resultUnneeded, nil
	}
	seen := from
	from, written, err := scale.Raise(ctx, b.options.Scales, workload, to, func(now int32) bool { return now < seen })
	switch {
	case err != nil:
		return 0, 0, resultError, err
	case !written:
		return from, 0, resultUnneeded, nil
	}
	return from, to, resultScaled, nil
}

// replicas returns those of the target, from memory if they are known there.
func (b *Burster) replicas(ctx context.Context, a attempt, of scale.Workload) (int32, error) {
	if count, known := b.options.Replicas(*a.of); known {
		return count, nil
	}
	live, err := b.options.Scales.Get(ctx, of.Namespace, of.Target)
	if err != nil {
		return 0, err
	}
	return live.Spec.Replicas, nil
}

func (b *Burster) leastOf(key types.NamespacedName, now int32) int32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.triggers[key]; t != nil {
		return t.least(now)
	}
	return now
}

// did records the end of an attempt.
func (b *Burster) did(key types.NamespacedName, a attempt, done Burst, result string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.triggers[key]
	if t == nil {
		return
	}
	t.busy = false
	now := time.Now()
	if done.Err == nil && result != resultRefused {
		t.replicas = append(t.replicas, replicas{now, done.From})
	}
	if result == resultError || result == resultRefused || a.blind {
		t.pause = now.Add(rest)
	}
}
