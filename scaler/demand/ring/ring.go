package ring

import "github.com/kedify/inference-gateway/scaler/demand/instant"

// Ring adds up amounts over time, in buckets of equal width that begin at multiples of it. A
// ring that nothing was added to has no buckets.
type Ring struct {
	width  instant.Time
	size   int64
	newest int64     // index of the newest bucket: its begin divided by the width
	sums   []float64 // bucket i is at i % size
}

// New returns a ring without buckets, of a size when something is added. Both are above zero.
func New(width instant.Time, size int64) Ring { return Ring{width: width, size: size} }

// Width is that of a bucket.
func (r *Ring) Width() instant.Time { return r.width }

// Empty reports whether there are no buckets.
func (r *Ring) Empty() bool { return r.sums == nil }

// Clear drops all that was added, and its memory.
func (r *Ring) Clear() { r.sums = nil }

// Span returns the indexes of the oldest and of the newest bucket. Bucket i is the time after
// i widths up to i+1 widths.
func (r *Ring) Span() (oldest, newest int64) { return max(r.newest-r.size+1, 0), r.newest }

// At returns what is in a bucket; one that the ring does not reach has nothing.
func (r *Ring) At(index int64) float64 {
	if oldest, newest := r.Span(); r.sums == nil || index < oldest || index > newest {
		return 0
	}
	return r.sums[index%r.size]
}

// Add spreads an amount evenly over the time after from, up to to. What is older than the
// ring reaches back is dropped.
func (r *Ring) Add(from, to instant.Time, amount float64) {
	if amount == 0 {
		return
	}
	from = min(from, to-1)
	first, last := int64(from/r.width), int64((to-1)/r.width)
	r.reach(last)
	density := amount / float64(to-from)
	for i := max(first, r.newest-r.size+1); i <= last; i++ {
		begin := instant.Time(i) * r.width
		r.sums[i%r.size] += density * float64(min(to, begin+r.width)-max(from, begin))
	}
}

// reach makes a bucket the newest, unless there is a newer one.
func (r *Ring) reach(index int64) {
	switch {
	case r.sums == nil:
		r.sums = make([]float64, r.size)
		r.newest = index
	case index-r.newest >= r.size:
		clear(r.sums)
		r.newest = index
	}
	for r.newest < index {
		r.newest++
		r.sums[r.newest%r.size] = 0
	}
}

// Since returns what was added after a moment. Of the bucket that the moment is in, the part
// after it counts; a bucket that is not over yet counts whole.
func (r *Ring) Since(from, now instant.Time) (sum float64) {
	if r.sums == nil {
		return 0
	}
	oldest, newest := r.Span()
	first := max(int64(from/r.width), oldest)
	for i := first; i <= newest; i++ {
		sum += r.sums[i%r.size]
	}
	if begin := instant.Time(first) * r.width; begin < from && first <= newest && begin+r.width <= now {
		sum -= r.sums[first%r.size] * float64(from-begin) / float64(r.width)
	}
	return sum
}

// Each calls f with the time and the amount of each bucket that is not empty, oldest first.
func (r *Ring) Each(f func(from, to instant.Time, amount float64)) {
	if r.sums == nil {
		return
	}
	oldest, newest := r.Span()
	for i := oldest; i <= newest; i++ {
		if amount := r.sums[i%r.size]; amount != 0 {
			f(instant.Time(i)*r.width, instant.Time(i+1)*r.width, amount)
		}
	}
}
