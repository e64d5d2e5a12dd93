package window

import (
	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/ring"
)

// profile is the concurrency over the last seconds, one sum of request-seconds per second.
type profile struct {
	from, to instant.Time
	sums     [maxProfile]float64
}

// maxProfile is the longest window and the seconds that it begins and ends in.
const maxProfile = int64(maxLoadWindow/loadWidth) + 2

func newProfile(window, now instant.Time) profile { return profile{from: now - window, to: now} }

// add adds what a ring has as of a moment, as if that were now.
func (f *profile) add(r *ring.Ring, asOf instant.Time) {
	shift := f.to - asOf
	r.Each(func(from, to instant.Time, amount float64) { f.spread(from+shift, to+shift, amount) })
}

// tail adds a number that has not changed from a moment up to asOf, as if that were now.
func (f *profile) tail(number float64, from, asOf instant.Time) {
	if number != 0 && asOf > from {
		f.spread(from+f.to-asOf, f.to, number*(asOf-from).Seconds())
	}
}

// seconds returns the indexes of the seconds that the window is in.
func (f *profile) seconds() (first, last int64) {
	return int64(f.from / instant.Time(loadWidth)), int64((f.to - 1) / instant.Time(loadWidth))
}

// spread is Ring.Add for what is in the profile.
func (f *profile) spread(from, to instant.Time, amount float64) {
	width := instant.Time(loadWidth)
	first, last := f.seconds()
	density := amount / float64(to-from)
	for i := max(int64(from/width), first); i <= min(int64((to-1)/width), last); i++ {
		begin := instant.Time(i) * width
		f.sums[i%maxProfile] += density * float64(min(to, begin+width)-max(from, begin))
	}
}

// total returns the request-seconds of the window. Of the second that it begins in, the part
// after that counts.
func (f *profile) total() (sum float64) {
	width := instant.Time(loadWidth)
	first, last := f.seconds()
	for i := first; i <= last; i++ {
		part := 1.0
		if begin := instant.Time(i) * width; begin < f.from {
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
