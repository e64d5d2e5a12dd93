package window

import "github.com/kedify/inference-gateway/scaler/demand/instant"

// ring adds up amounts over time, in buckets of equal width that begin at multiples of it. A
// ring that nothing was added to has no buckets.
type ring struct {
	width  instant.Time
	size   int64
	newest int64     // index of the newest bucket: its begin divided by the width
	sums   []float64 // bucket i is at i % size
}

// add spreads an amount evenly over the time after from, up to to. What is older than the
// ring reaches back is dropped.
func (r *ring) add(from, to instant.Time, amount float64) {
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
func (r *ring) reach(index int64) {
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

// since returns what was added after a moment. Of the bucket that the moment is in, the part
// after it counts; a bucket that is not over yet counts whole.
func (r *ring) since(from, now instant.Time) (sum float64) {
	if r.sums == nil {
		return 0
	}
	first := max(int64(from/r.width), r.newest-r.size+1)
	for i := first; i <= r.newest; i++ {
		sum += r.sums[i%r.size]
	}
	if begin := instant.Time(first) * r.width; begin < from && first <= r.newest && begin+r.width <= now {
		sum -= r.sums[first%r.size] * float64(from-begin) / float64(r.width)
	}
	return sum
}

// empty drops all that was added, and its memory.
func (r *ring) empty() { r.sums = nil }

// each calls f with the time and the amount of each bucket that is not empty, oldest first.
func (r *ring) each(f func(from, to instant.Time, amount float64)) {
	if r.sums == nil {
		return
	}
	for i := max(r.newest-r.size+1, 0); i <= r.newest; i++ {
		if amount := r.sums[i%r.size]; amount != 0 {
			f(instant.Time(i)*r.width, instant.Time(i+1)*r.width, amount)
		}
	}
}
