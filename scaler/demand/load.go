package demand

// track is a number that changes at known moments, as the held requests of this replica do,
// and its integral.
type track struct {
	load  ring
	value int
	last  instant
}

// set changes the number.
func (t *track) set(at instant, value int) {
	if at > t.last {
		if t.value != 0 {
			t.load.add(t.last, at, float64(t.value)*(at-t.last).seconds())
		}
		t.last = at
	}
	t.value = value
}

// profile is the concurrency over the last seconds, one sum of request-seconds per second.
type profile struct {
	from, to instant
	sums     [maxProfile]float64
}

// maxProfile is the longest window and the seconds that it begins and ends in.
const maxProfile = int64(maxLoadWindow/loadWidth) + 2

func newProfile(p *plan, now instant) profile { return profile{from: now - p.loadWindow, to: now} }

// add adds what a ring has as of a moment, as if that were now.
func (f *profile) add(r *ring, asOf instant) {
	shift := f.to - asOf
	r.each(func(from, to instant, amount float64) { f.spread(from+shift, to+shift, amount) })
}

// tail adds a number that has not changed from a moment up to asOf, as if that were now.
func (f *profile) tail(number float64, from, asOf instant) {
	if number != 0 && asOf > from {
		f.spread(from+f.to-asOf, f.to, number*(asOf-from).seconds())
	}
}

// seconds returns the indexes of the seconds that the window is in.
func (f *profile) seconds() (first, last int64) {
	return int64(f.from / instant(loadWidth)), int64((f.to - 1) / instant(loadWidth))
}

// spread is ring.add for what is in the profile.
func (f *profile) spread(from, to instant, amount float64) {
	width := instant(loadWidth)
	first, last := f.seconds()
	density := amount / float64(to-from)
	for i := max(int64(from/width), first); i <= min(int64((to-1)/width), last); i++ {
		begin := instant(i) * width
		f.sums[i%maxProfile] += density * float64(min(to, begin+width)-max(from, begin))
	}
}

// total returns the request-seconds of the window. Of the second that it begins in, the part
// after that counts.
func (f *profile) total() (sum float64) {
	width := instant(loadWidth)
	first, last := f.seconds()
	for i := first; i <= last; i++ {
		part := 1.0
		if begin := instant(i) * width; begin < f.from {
			part = float64(begin+width-f.from) / float64(width)
		}
		sum += part * f.sums[i%maxProfile]
	}
	return sum
}

// peak returns the largest average of a second in the window.
func (f *profile) peak() (most float64) {
	first, last := f.seconds()
	for i := first; i <= last; i++ {
		most = max(most, f.sums[i%maxProfile]/loadWidth.Seconds())
	}
	return most
}
