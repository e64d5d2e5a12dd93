package engines

import (
	"fmt"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/engines/exposition"
)

const (
	// takeover is how much later than the replica before it in the order a replica reads a Pod.
	takeover = 2 * time.Second
	// keep is how long what a Pod said counts: until the third attempt after it has failed.
	keep = 3*Interval + readTime
)

// target is a Pod that is read: one port, one path, one engine. Triggers that want the same share it.
type target struct {
	id, namespace string
	pod           scaler.ModelPod
	path          string
	engine        exposition.Engine
	// users are the triggers that want it.
	users int
	// since is when this replica wanted it first, attempted when a replica began to read it last; zero: none did.
	since, attempted time.Time
	// attempts that ended, as far as is known.
	attempts uint64
	// phase makes the pause after the first of them shorter, by up to a half: Pods that came together are not read together for
	// ever.
	phase time.Duration
	// rank of this replica in the order of those that read it, 0 being the first.
	rank int
	// queued: it waits for a slot. reading: it is being read.
	queued, reading bool
	// own is the number of the last read of this replica, 0: there was none. ownAt is when that began, ownNumbers or ownFailure what
	// came of it.
	own        uint64
	ownAt      time.Time
	ownNumbers exposition.Numbers
	ownFailure string
	// good is when numbers were read, zero: never; failure why the last attempt read none, empty: it did.
	good    time.Time
	numbers exposition.Numbers
	failure string
}

func newTarget(id, namespace string, pods *scaler.ModelPods, pod scaler.ModelPod) *target {
	return &target{
		id: id, namespace: namespace, pod: pod, path: pods.Path, engine: exposition.Engine(pods.Engine),
		phase: time.Duration(xxhash.Sum64String(id) % uint64(Interval/2)),
	}
}

// targetID names what is read, among replicas as well.
func targetID(pods *scaler.ModelPods, pod scaler.ModelPod) string {
	return strings.Join([]string{pod.ID, pod.Address.String(), pods.Path, pods.Engine}, " ")
}

// due is when this replica should read the Pod.
func (t *target) due() time.Time {
	later := time.Duration(t.rank) * takeover
	switch {
	case t.attempted.IsZero():
		return t.since.Add(later)
	case t.attempts == 1:
		return t.attempted.Add(Interval - t.phase + later)
	}
	return t.attempted.Add(Interval + later)
}

// take notes an attempt to read that ended, of any replica: what came of it, or why nothing. Attempts may become known in another
// order than they were made.
func (t *target) take(attempted time.Time, numbers exposition.Numbers, failure string) {
	t.attempts++
	if !attempted.Before(t.attempted) {
		t.attempted, t.failure = attempted, failure
	}
	if failure == "" && attempted.After(t.good) {
		t.good, t.numbers = attempted, numbers
	}
}

// known returns what the Pod said last, and whether that counts.
func (t *target) known(now time.Time) (exposition.Numbers, bool) {
	return t.numbers, !t.good.IsZero() && now.Sub(t.good) <= keep
}

// why says why the Pod is not known.
func (t *target) why() string {
	if t.failure == "" {
		return "it was not read yet"
	}
	return t.failure
}

func (t *target) String() string {
	return fmt.Sprintf("Pod %s at %s", t.pod.Name, t.pod.Address)
}
