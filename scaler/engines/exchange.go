package engines

import (
	"math"
	"time"

	"github.com/kedify/inference-gateway/scaler/engines/exposition"
)

const (
	// tellInterval is the shortest time between two deltas to one replica.
	tellInterval = 250 * time.Millisecond
	// maxStrays bounds what is remembered of Pods that this replica does not know.
	maxStrays = 4096
)

// Delta is what one replica tells another about what it read itself. It travels as JSON. The first one also says that the replica
// reads: until then, and from a replica of an older version, the other does not count on it.
type Delta struct {
	Readings []Reading `json:"readings,omitempty"`
}

// Reading is the newest read of one Pod.
type Reading struct {
	// Target is its targetID.
	Target string `json:"t"`
	// Age is how long ago the read began, in milliseconds.
	Age     int64             `json:"a"`
	Engine  exposition.Engine `json:"e,omitempty"`
	Waiting *float64          `json:"w,omitempty"`
	Cache   *float64          `json:"c,omitempty"`
	// Failure says why there are no numbers.
	Failure string `json:"f,omitempty"`
}

// stray is a reading of a Pod that this replica does not know yet.
type stray struct {
	reading Reading
	at      time.Time // when the read began
}

// tell tells a target.
func (s *stray) tell(t *target) {
	numbers := exposition.Numbers{Engine: s.reading.Engine, Waiting: amount(s.reading.Waiting), Cache: amount(s.reading.Cache)}
	failure := s.reading.Failure
	if failure == "" && numbers.Waiting == nil && numbers.Cache == nil {
		failure = exposition.ErrNoNumbers.Error()
	}
	t.take(s.at, numbers, failure)
}

// amount drops what no replica reads.
func amount(told *float64) *float64 {
	if told == nil || !(*told >= 0) || math.IsInf(*told, 0) {
		return nil
	}
	return told
}

// Follower is another replica that is told what this one reads. It keeps only up to which read it knows.
type Follower struct {
	reader *Reader
	wake   chan struct{}
	// The lock of the reader guards:
	announced bool
	told      uint64
	last      time.Time
}

// Follow returns a follower that knows nothing. Leave is to be called.
func (r *Reader) Follow() *Follower {
	f := &Follower{reader: r, wake: make(chan struct{}, 1)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.followers[f] = struct{}{}
	return f
}

// Leave ends it.
func (f *Follower) Leave() {
	f.reader.mu.Lock()
	defer f.reader.mu.Unlock()
	delete(f.reader.followers, f)
}

// Wake gets a value when something is due.
func (f *Follower) Wake() <-chan struct{} { return f.wake }

func (f *Follower) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// remind wakes the follower when there are reads that it was not told, unless it was told something a moment ago.
func (f *Follower) remind(reads uint64, now time.Time) {
	if reads > f.told && now.Sub(f.last) >= tellInterval {
		f.signal()
	}
}

// Take returns what is due; nil: nothing is.
func (f *Follower) Take() *Delta {
	r := f.reader
	now := r.options.Clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.complete || f.announced && f.told == r.reads {
		return nil
	}
	delta := &Delta{}
	for _, t := range r.targets {
		if t.own > f.told {
			delta.Readings = append(delta.Readings, t.reported(now))
		}
	}
	f.announced, f.told, f.last = true, r.reads, now
	return delta
}

// reported is the target as others are told of it.
func (t *target) reported(now time.Time) Reading {
	told := Reading{Target: t.id, Age: now.Sub(t.ownAt).Milliseconds(), Failure: t.ownFailure}
	if told.Failure == "" {
		told.Engine, told.Waiting, told.Cache = t.ownNumbers.Engine, t.ownNumbers.Waiting, t.ownNumbers.Cache
	}
	return told
}

// Merge takes what another replica read.
func (r *Reader) Merge(replica string, delta Delta) {
	now := r.options.Clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.peers[replica]; !known {
		r.peers[replica] = struct{}{}
		r.rerank()
	}
	for _, told := range delta.Readings {
		s := stray{reading: told, at: now.Add(-time.Duration(max(told.Age, 0)) * time.Millisecond)}
		if t := r.targets[told.Target]; t != nil {
			s.tell(t)
		} else if len(r.strays) < maxStrays {
			r.strays[told.Target] = s
		}
	}
}

// Lost says that the stream of another replica ended. What it read counts for as long as it is fresh.
func (r *Reader) Lost(replica string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.peers, replica)
	r.rerank()
}

// dropStrays forgets what would not count any more.
func (r *Reader) dropStrays(now time.Time) {
	for id, s := range r.strays {
		if now.Sub(s.at) > keep {
			delete(r.strays, id)
		}
	}
}
