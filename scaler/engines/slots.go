package engines

import (
	"slices"
	"time"
)

const (
	// maxReads is how many reads, and so connections, one replica has at once.
	maxReads = 64
	// byteRate is how many bytes of metrics per second a replica reads for one namespace, and byteCredit how far ahead of that it
	// goes. A namespace beyond it is read less often.
	byteRate   = 32 << 20
	byteCredit = time.Second
)

// slots are the reads that may be made at once. A namespace gets at most half of those that others leave, so that one with many
// Pods, or with Pods that do not answer, leaves room for others; and namespaces take turns.
type slots struct {
	used   int
	turns  uint64
	shares map[string]*share
}

// share is what one namespace has of the slots.
type share struct {
	queued []*target
	used   int
	// turn is the number of the last start.
	turn uint64
	// paid is up to when its bytes are within the rate.
	paid time.Time
}

func newSlots() slots { return slots{shares: map[string]*share{}} }

// queue has a target wait for a slot.
func (s *slots) queue(t *target) {
	of := s.shares[t.namespace]
	if of == nil {
		of = &share{}
		s.shares[t.namespace] = of
	}
	of.queued = append(of.queued, t)
}

// next takes a slot for the target whose turn it is; nil: none may be read now. A slot is to be released.
func (s *slots) next(now time.Time) *target {
	if s.used == maxReads {
		return nil
	}
	var first *share
	for _, of := range s.shares {
		if s.admits(of, now) && (first == nil || of.used < first.used || of.used == first.used && of.turn < first.turn) {
			first = of
		}
	}
	if first == nil {
		return nil
	}
	t := first.queued[0]
	first.queued = slices.Delete(first.queued, 0, 1)
	s.turns++
	first.turn = s.turns
	first.used++
	s.used++
	return t
}

func (s *slots) admits(of *share, now time.Time) bool {
	left := maxReads - (s.used - of.used) // by others
	return len(of.queued) > 0 && of.used < max(left/2, 1) && of.paid.Sub(now) <= byteCredit
}

// release gives a slot of a namespace back, after a read of some bytes.
func (s *slots) release(namespace string, size int64, now time.Time) {
	of := s.shares[namespace]
	of.used--
	s.used--
	if of.paid.Before(now) {
		of.paid = now
	}
	of.paid = of.paid.Add(time.Duration(size) * time.Second / byteRate)
}

// tidy forgets namespaces that wait for nothing and owe nothing.
func (s *slots) tidy(now time.Time) {
	for namespace, of := range s.shares {
		if of.used == 0 && len(of.queued) == 0 && !of.paid.After(now) {
			delete(s.shares, namespace)
		}
	}
}
