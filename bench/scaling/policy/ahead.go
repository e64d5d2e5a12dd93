package policy

import (
	"math"

	"github.com/kedify/inference-gateway/scaler/staffing"
)

// Forecast is what is asked for at a moment by what is asked for before it, as a ratio: how the
// one is to the other by what is known of days.
type Forecast interface {
	// Learn takes the level at a moment.
	Learn(now, level float64)
	// Ratio returns that of a later moment to now; 1 while nothing is known.
	Ratio(now, later float64) float64
}

// Ahead is how a forecast is used.
type Ahead struct {
	Forecast Forecast
	// Lead is how far it looks, in seconds: a cold start, and what the level is behind.
	Lead float64
	// Down: less is asked for as well, ahead of time. Otherwise only more is.
	Down bool
}

// TokenRateAhead is TokenRate with a forecast.
func TokenRateAhead(s staffing.Settings, target float64, a Ahead) Signal {
	w := &work{meter: staffing.New(s), target: target}
	w.ahead = func(now float64, n staffing.Need) float64 {
		a.Forecast.Learn(now, n.Level)
		ratio := a.Forecast.Ratio(now, now+a.Lead)
		if !a.Down {
			for later := float64(slot); later < a.Lead; later += slot {
				ratio = max(ratio, a.Forecast.Ratio(now, now+later))
			}
			ratio = max(ratio, 1)
		}
		return n.Value + n.Level*(ratio-1)
	}
	return w
}

// slot is for how many seconds a learned day has one number.
const slot = 60

// Learned is a day as the days before it were: the mean level of each slot.
type Learned struct {
	day   float64
	slots []level
}

// level is the mean of some levels.
type level struct{ sum, n float64 }

// NewLearned returns a day of a length in seconds.
func NewLearned(day float64) *Learned { return &Learned{day: day, slots: make([]level, int(day/slot))} }

// Learn implements Forecast.
func (l *Learned) Learn(now, value float64) {
	s := &l.slots[l.index(now)]
	s.sum += value
	s.n++
}

func (l *Learned) index(at float64) int { return int(math.Mod(at, l.day)/slot) % len(l.slots) }

// near is over how many slots before and after one its level is smoothed: bursts do not come
// again at their minute.
const near = 5

func (l *Learned) at(moment float64) float64 {
	var all level
	for i := -near; i <= near; i++ {
		s := l.slots[(l.index(moment)+i+len(l.slots))%len(l.slots)]
		all.sum += s.sum
		all.n += s.n
	}
	return all.sum / all.n
}

// Ratio implements Forecast. Of the first day nothing is known.
func (l *Learned) Ratio(now, later float64) float64 {
	from, to := l.at(now), l.at(later)
	if now < l.day || !(from > 0) || !(to > 0) {
		return 1
	}
	return to / from
}

// Schedule is a day that the user knows: the part of the requests at a moment.
type Schedule func(at float64) float64

// Learn implements Forecast.
func (Schedule) Learn(float64, float64) {}

// Ratio implements Forecast.
func (s Schedule) Ratio(now, later float64) float64 { return s(later) / s(now) }
