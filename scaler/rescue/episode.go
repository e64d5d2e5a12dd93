package rescue

import (
	"math"
	"time"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/demand/metric"
)

const (
	// patience with KEDA, which acts on a push within some 30 ms; pushes are repeated. A replica of
	// the controller that does not lead waits longer.
	patience         = time.Second
	followerPatience = 1250 * time.Millisecond // so that no request waits 2.5 s for the first replica, on a busy machine either
	// gather is how long the first requests are counted for one step.
	gather = 50 * time.Millisecond
	// A step is verified for a while, and made again if KEDA wrote less.
	steps    = 3
	stepRest = 250 * time.Millisecond
	stepSpan = 2 * time.Second
	// The pause after an attempt doubles from minRetry to maxRetry.
	minRetry = time.Second
	maxRetry = 10 * time.Second
	// heldInterval is the time between two views of a trigger while requests are held, idleInterval
	// otherwise.
	heldInterval = 250 * time.Millisecond
	idleInterval = time.Minute
)

// Reason of an attempt.
type Reason string

const (
	// Deaf: KEDA did not start the workload in time.
	Deaf Reason = "deaf"
	// OneStep: the trigger asks for all that its first requests need (scaleFromZero: needed).
	OneStep Reason = "one_step"
	// Check: the replicas of the target are unknown, so its /scale is read.
	Check Reason = "check"
)

// view is the state of a trigger at one moment.
type view struct {
	held int
	// replicas of the target, -1 while they are unknown.
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
	// blind: the replicas are unknown. The target may have some, which is not KEDA's failure.
	blind bool
}

// episode is the time from the first held request of a trigger until none is held. The zero
// value is between two of them.
type episode struct {
	began time.Time // when requests began to be held; zero: none are held
	zero  time.Time // since when the target has, or may have, no replicas; zero: it has some

	fromZero bool      // the target had no replicas at some time of this episode
	checked  bool      // the replicas were unknown, and /scale was read once
	stepped  int       // attempts to make the step
	step     int32     // replicas of the step
	stepAt   time.Time // when the next attempt may be made

	retryAt time.Time // the same for what KEDA did not do
	retry   time.Duration
}

// next returns the action that is due, nil for none, and when to call it again at the latest.
func (e *episode) next(now time.Time, v view) (*action, time.Duration) {
	if v.held == 0 || v.paused || v.want < 1 {
		*e = episode{}
		return nil, idleInterval
	}
	e.observe(now, v)
	if v.replicas < 0 && v.oneStep && v.leads && !e.checked {
		return &action{reason: Check}, gather
	}
	if act, wait := e.stepping(now, v); act != nil || wait > 0 {
		return act, wait
	}
	return e.waiting(now, v)
}

// observe records when requests began to be held and since when the target is at zero.
func (e *episode) observe(now time.Time, v view) {
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

// waiting waits for KEDA, and acts when its time is over.
func (e *episode) waiting(now time.Time, v view) (*action, time.Duration) {
	if e.zero.IsZero() {
		return nil, heldInterval
	}
	due := e.zero.Add(patience)
	if !v.leads {
		due = e.zero.Add(followerPatience)
	}
	if due.Before(e.retryAt) {
		due = e.retryAt
	}
	if left := due.Sub(now); left > 0 {
		return nil, min(left, heldInterval)
	}
	return &action{reason: Deaf, want: v.want, held: v.held, blind: v.replicas < 0}, heldInterval
}

// stepping makes the step, then verifies that KEDA did not write less over it. It returns neither an
// action nor a wait when there is no step to make.
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
		return nil, heldInterval
	}
	if left := e.stepAt.Sub(now); left > 0 {
		return nil, left
	}
	return &action{reason: OneStep, want: e.step, held: v.held}, stepRest
}

// did records an attempt and the replicas that it found, -1 when it failed.
func (e *episode) did(now time.Time, a action, found int32) {
	switch a.reason {
	case Check:
		e.checked = true
		e.fromZero = e.fromZero || found == 0
	case OneStep:
		e.stepped++
		e.stepAt = now.Add(stepRest)
	default:
		e.retry = min(max(2*e.retry, minRetry), maxRetry)
		e.retryAt = now.Add(e.retry)
	}
}

// needed returns how many replicas held requests need, by the metric that asks for most, within the limits of the object.
func needed(reading *demand.Reading, spec v1alpha1.HTTPScalerSpec) int32 {
	replicas := float64(max(spec.Scale.Min, 1))
	for i, of := range spec.Metrics() {
		replicas = max(replicas, math.Ceil(asked(reading, i, of)/max(of.TargetValue(), 1)))
	}
	return int32(min(replicas, float64(spec.Scale.Max)))
}

// asked is the value that held requests give a metric. For a rate they count as the arrivals of one second. Other sums have them in
// their own values, tokens as the work that is to be done within the horizon. A level, and what is not known, asks for nothing.
func asked(reading *demand.Reading, position int, of v1alpha1.HTTPScalerMetric) float64 {
	switch {
	case of.Type == v1alpha1.RequestRate || of.Type == v1alpha1.Concurrency:
		return float64(reading.Held)
	case metric.KindOf(of.Type).Level:
		return 0
	}
	value, err := reading.ValueOf(position, metric.KindOf(of.Type).Name)
	if err != nil || math.IsNaN(value) {
		return 0
	}
	return value
}
