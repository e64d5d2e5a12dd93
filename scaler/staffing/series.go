package staffing

import (
	"time"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/ring"
)

// series is requests and the bytes of their prompts over time.
type series struct {
	requests, bytes ring.Ring
	// reach is how far back from the newest bucket the others go, at least.
	reach instant.Time
	// begin is from when on requests were counted. After it, nothing in a bucket is zero.
	begin instant.Time
}

func newSeries(width instant.Time, span time.Duration) series {
	size := (int64(span)+int64(width)-1)/int64(width) + 2 // the bucket that fills, and the one that leaves
	return series{requests: ring.New(width, size), bytes: ring.New(width, size), reach: instant.Time(span)}
}

func (s *series) empty() bool { return s.requests.Empty() && s.bytes.Empty() }

// clear drops all that was counted, and its memory.
func (s *series) clear() {
	s.requests.Clear()
	s.bytes.Clear()
}

// restart begins to count at a moment.
func (s *series) restart(at instant.Time) {
	s.clear()
	s.begin = at
}

func (s *series) add(from, to instant.Time, c *counted) {
	s.put(&s.requests, from, to, c.requests)
	s.put(&s.bytes, from, to, c.sent)
}

// put adds what came after counting began.
func (s *series) put(into *ring.Ring, from, to instant.Time, amount float64) {
	if to <= s.begin {
		return
	}
	if from < s.begin {
		amount *= float64(to-s.begin) / float64(to-from)
		from = s.begin
	}
	into.Add(from, to, amount)
}

// resized returns the series with other buckets. Up to newest it has been counted.
func (s *series) resized(to series, newest instant.Time) series {
	to.begin = max(s.begin, newest-s.reach)
	s.requests.Each(func(from, end instant.Time, n float64) { to.put(&to.requests, from, max(min(end, newest), from+1), n) })
	s.bytes.Each(func(from, end instant.Time, n float64) { to.put(&to.bytes, from, max(min(end, newest), from+1), n) })
	return to
}

// rate returns requests and bytes per second over a window, or over the part of it in which
// they were counted.
func (s *series) rate(asOf, window instant.Time) (requests, bytes float64) {
	covered, from := window, asOf-window
	if s.begin > from {
		covered, from = max(asOf-s.begin, second), instant.Never // all of the first bucket
	}
	seconds := covered.Seconds()
	return max(s.requests.Since(from, asOf), 0) / seconds, max(s.bytes.Since(from, asOf), 0) / seconds
}

// at returns the requests and the bytes of a bucket.
func (s *series) at(index int64) (requests, bytes float64) {
	return s.requests.At(index), s.bytes.At(index)
}
