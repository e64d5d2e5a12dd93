package served

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/controllers/workload"
	"github.com/kedify/inference-gateway/scaler/demand"
)

const (
	// DefaultPatience with a cause that does not pass by itself. A push and a write of the scale take a second.
	DefaultPatience = 10 * time.Second
	// StartPatience with Pods that start, unless a request was answered without an endpoint before.
	StartPatience = time.Minute
	// Quiet is how long after the last request an episode ends without an answer.
	Quiet = 5 * time.Minute

	// firstPause and lastPause are between two looks at one trigger.
	firstPause = 5 * time.Second
	lastPause  = time.Minute
	// restate is how long a message stays while its cause does: the words of Kubernetes change more often.
	restate = time.Minute
)

// act is what a trigger is due for.
type act uint8

const (
	nothing act = iota
	// look at the trigger, to find why its requests wait.
	look
	// show that a request was served, or that it is not known whether the next one would be.
	showServed
	showUnknown
)

// trigger is what the keeper remembers of one trigger.
type trigger struct {
	// shown is the status of the live condition; "": there is none. since is when it became so, or was first seen.
	shown metav1.ConditionStatus
	since time.Time
	// problem and stated are of the last False that this keeper wrote.
	problem workload.Problem
	stated  time.Time

	nextLook time.Time
	pause    time.Duration
}

// due returns what a trigger is due for.
func (t *trigger) due(now time.Time, w demand.Wait, patience time.Duration) act {
	recent := w.Held > 0 || now.Sub(w.Arrived) < Quiet
	vain := recent && !w.Since.IsZero() && (now.Sub(w.Since) >= patience || failed(w))
	switch {
	case vain && !now.Before(t.nextLook):
		return look
	case vain:
		return nothing
	case t.shown != metav1.ConditionTrue && w.Served.After(t.since):
		return showServed
	case t.shown == metav1.ConditionFalse && !recent && now.Sub(t.since) >= Quiet:
		return showUnknown
	}
	return nothing
}

// failed reports whether a request was answered without an endpoint since one was served.
func failed(w demand.Wait) bool { return w.Failed.After(w.Served) }

// looked takes what a look found, and reports whether it is to be shown.
func (t *trigger) looked(now time.Time, w demand.Wait, found workload.Problem) (show bool) {
	if t.pause = min(max(2*t.pause, firstPause), lastPause); !found.Same(t.problem) || found.None() {
		t.pause = firstPause
	}
	t.nextLook = now.Add(t.pause)
	switch {
	case found.None():
		return false
	case found.Starting && t.shown != metav1.ConditionFalse && !failed(w) && now.Sub(w.Since) < StartPatience:
		return false
	case t.shown == metav1.ConditionFalse && found.Starting && !t.problem.Starting && !t.problem.None():
		// The cause was removed, and what comes now needs its time. The next request says whether it was enough.
		return now.Sub(t.stated) >= restate
	}
	return t.shown != metav1.ConditionFalse || !found.Same(t.problem) ||
		found.Message != t.problem.Message && now.Sub(t.stated) >= restate
}

// showing takes what is shown now.
func (t *trigger) showing(now time.Time, status metav1.ConditionStatus, problem workload.Problem) {
	if t.shown != status {
		t.shown, t.since = status, now
	}
	t.problem, t.stated = problem, now
}
