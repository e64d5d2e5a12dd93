package main

import (
	"math"
	"time"
)

// comparison is of readings with the truth.
type comparison struct {
	truth, counted float64 // sums over all readings
	worst          float64 // relative error of one reading
	readings       int
	unknown, zero  int // readings that said so
}

// lags are how old what a reading is about may be: a reading follows a report by up to a flush,
// and a report takes a moment.
var lags = []time.Duration{500 * time.Millisecond, 0, 200 * time.Millisecond, 800 * time.Millisecond, 1100 * time.Millisecond}

// rate compares a reading of a rate with the requests that were sent for its key in the window
// before it. That window and the reading's end at the same moment only by chance, which shows
// where clients were late; so the error of the one reading is that at the moment at which the two
// agree best. The means are compared with the same lag throughout.
func (c *comparison) rate(s Sample, l *load, key int) {
	truth := func(lag time.Duration) float64 {
		return float64(l.between(key, s.At.Add(-lag-window), s.At.Add(-lag))) / window.Seconds()
	}
	off := math.Inf(1)
	for _, lag := range lags {
		off = math.Min(off, math.Abs(s.Rate/truth(lag)-1))
	}
	c.take(s, truth(lags[0]), off)
}

// take takes a reading, the truth about it, and how far it is off.
func (c *comparison) take(s Sample, truth, off float64) {
	c.readings++
	if s.Unknown != "" {
		c.unknown++
		return
	}
	if s.Rate == 0 && truth > 0 {
		c.zero++
	}
	c.truth += truth
	c.counted += s.Rate
	c.worst = math.Max(c.worst, off)
}

// mean returns the means of the truth and of the readings.
func (c comparison) mean() (truth, counted float64) {
	n := float64(c.readings - c.unknown)
	return c.truth / n, c.counted / n
}

// off is the relative error of the mean, in percent.
func (c comparison) off() float64 { return 100 * math.Abs(c.counted/c.truth-1) }
