package staffing

import "math"

// ratio is that of two sums over about the last of some things. Each one that is added makes
// those before it count a little less.
type ratio struct{ above, below float64 }

// add adds n things of which no more than a number are remembered.
func (r *ratio) add(above, below, n, remembered float64) {
	keep, gain := 1.0, 1.0
	if n > 0 {
		keep = math.Pow(1-1/remembered, n)
		gain = (1 - keep) * remembered / n
	}
	r.above = r.above*keep + above*gain
	r.below = r.below*keep + below*gain
}

// or returns the ratio, and another number while the sums do not say it.
func (r *ratio) or(otherwise float64) float64 {
	if r.above <= 0 || r.below <= 0 {
		return otherwise
	}
	return r.above / r.below
}
