package rescue

import (
	"time"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

const (
	// patience with KEDA: it answers a push within some 30 ms, and our pushes are repeated.
	// Who does not lead waits longer.
	patience         = time.Second
	followerPatience = 1500 * time.Millisecond // with the rest, KEDA is never deaf for 2.5 s
	// gather is how long the first requests are counted for one step.
	gather = 50 * time.Millisecond
	// A step is looked at again for a while, and made again if KEDA wrote less.
	steps    = 3
	stepRest = 250 * time.Millisecond
	stepSpan = 2 * time.Second
	// After an attempt the next one waits, ever longer.
	minRetry = time.Second
	maxRetry = 10 * time.Second
	// glance is how soon anything is looked at while requests are held, idle otherwise.
	glance = 250 * time.Millisecond
	idle   = time.Minute
)

// Reason of a rescue.
type Reason string

const (
	// Deaf: KEDA did not start the workload in time.
	Deaf Reason = "deaf"
	// OneStep: the trigger asks for all that its first requests need (scaleFromZero: needed).
	OneStep Reason = "one_step"
	// look: nobody knows whether the target is at zero, as a step has to be from there.
	look Reason = "look"
)

// view is what matters of a trigger at one moment.
type view struct {
	held int
	// replicas of the target; -1: not known.
	replicas int32
	// want is how many replicas the held requests need.
	want                   int32
	oneStep, paused, leads bool
}

// action is something to do.
type action struct {
	reason Reason
	want   int32
	held   int
}

// episode is the time from the first held request of a trigger until none is held. The zero
// value is between two of them.
type episode struct {
	began time.Time // when requests began to be held; zero: none is
	zero  time.Time // since when the target has no replicas, as far as known; zero: it has some

	fromZero bool      // the target had no replicas at some time of this episode
	looked   bool      // it was asked for, because the informer does not know
	stepped  int       // attempts to make the step
	step     int32     // replicas of the step
	stepAt   time.Time // when the next attempt may be made

	retryAt time.Time // the same for what KEDA did not do
	retry   time.Duration
}

// next says what to do now, nil for nothing, and when to ask again at the latest.
func (e *episode) next(now time.Time, v view) (*action, time.Duration) {
	if v.held == 0 || v.paused || v.want < 1 {
		*e = episode{}
		return nil, idle
	}
	e.note(now, v)
	if v.replicas < 0 && v.oneStep && v.leads && !e.looked {
		return &action{reason: look}, gather
	}
	if act, wait := e.stepping(now, v); act != nil || wait > 0 {
		return act, wait
	}
	return e.waiting(now, v)
}

// note keeps the beginnings of what goes on.
func (e *episode) note(now time.Time, v view) {
	if e.began.IsZero() {
		e.began = now
	}
	switch {
	case v.replicas > 0:
		e.zero, e.retryAt, e.retry = time.Time{}, time.Time{}, 0
	case e.zero.IsZero():
		e.zero = now
	}
	e.fromZero = e.fromZero || v.replicas == 0
}

// waiting is for KEDA to act.
func (e *episode) waiting(now time.Time, v view) (*action, time.Duration) {
	if e.zero.IsZero() {
		return nil, glance
	}
	due := e.zero.Add(patience)
	if !v.leads {
		due = e.zero.Add(followerPatience)
	}
	if due.Before(e.retryAt) {
		due = e.retryAt
	}
	if left := due.Sub(now); left > 0 {
		return nil, min(left, glance)
	}
	return &action{reason: Deaf, want: v.want, held: v.held}, glance
}

// stepping makes the step, then looks whether KEDA wrote less over it. Neither an action nor a
// wait: there is no step to make.
func (e *episode) stepping(now time.Time, v view) (*action, time.Duration) {
	if !v.oneStep || !v.leads || !e.fromZero || e.stepped >= steps || now.Sub(e.began) > stepSpan {
		return nil, 0
	}
	if e.stepped == 0 {
		if left := e.began.Add(gather).Sub(now); left > 0 {
			return nil, left
		}
		e.step = v.want
	}
	if v.replicas >= e.step {
		return nil, glance
	}
	if left := e.stepAt.Sub(now); left > 0 {
		return nil, left
	}
	return &action{reason: OneStep, want: e.step, held: v.held}, stepRest
}

// did notes an attempt that found so many replicas; -1: it failed.
func (e *episode) did(now time.Time, a action, found int32) {
	switch a.reason {
	case look:
		e.looked = true
		e.fromZero = e.fromZero || found == 0
	case OneStep:
		e.stepped++
		e.stepAt = now.Add(stepRest)
	default:
		e.retry = min(max(2*e.retry, minRetry), maxRetry)
		e.retryAt = now.Add(e.retry)
	}
}

// needed is how many replicas held requests need, within the limits of the object. Of a rate,
// it is as if all of them had arrived within one second.
func needed(held int, spec v1alpha1.HTTPScalerSpec) int32 {
	target := max(spec.Metric.Target, 1)
	replicas := (int64(held) + target - 1) / target
	replicas = max(replicas, int64(spec.Scale.Min), 1)
	return int32(min(replicas, int64(spec.Scale.Max)))
}
