package staffing

import (
	"time"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
)

const (
	// DefaultOutputWeight is about what one token of an answer costs the engines of
	// bench/scaling, measured in prompt tokens.
	DefaultOutputWeight = 7
	DefaultCachedWeight = 0.1
	DefaultReserve      = 1

	DefaultWindow  = time.Minute
	DefaultHistory = 10 * time.Minute
	DefaultHorizon = 30 * time.Second

	MaxWeight  = 1000
	MaxReserve = 100
	// MinHistory is the shortest that a deviation can be taken of. MaxHistory bounds the memory
	// of a Meter.
	MinHistory = 30 * time.Second
	MaxHistory = 6 * time.Hour
	MinHorizon = time.Second
)

const (
	minWindow = time.Second
	maxWindow = 365 * 24 * time.Hour
	// maxSeconds is how many buckets the window of the level has at most.
	maxSeconds = 3600
	// second is the shortest bucket of the level, bin the span of the means that the deviation
	// is taken of.
	second = instant.Time(time.Second)
	bin    = 10 * second
)

// Settings are what a trigger asks for. A number that admission would refuse is replaced by the
// nearest valid one, because requests must be counted with any settings.
type Settings struct {
	// OutputWeight is how many prompt tokens one token of an answer counts as: 0 to MaxWeight.
	// CachedWeight is the same for a prompt token that the model had in its cache: 0 to 1.
	OutputWeight, CachedWeight float64
	// Reserve is how many standard deviations come on top of the level: 0 to MaxReserve.
	Reserve float64
	// Window is the span that the level is the mean of; History is the span of the deviation,
	// MinHistory to MaxHistory; Horizon is in how much time held work is to be done. Zero: the
	// defaults.
	Window, History, Horizon time.Duration
}

// Defaults are the settings of a trigger that says nothing about them.
func Defaults() Settings {
	return Settings{
		OutputWeight: DefaultOutputWeight, CachedWeight: DefaultCachedWeight, Reserve: DefaultReserve,
		Window: DefaultWindow, History: DefaultHistory, Horizon: DefaultHorizon,
	}
}

// valid returns the settings with the nearest valid numbers.
func (s Settings) valid() Settings {
	return Settings{
		OutputWeight: between(0, s.OutputWeight, MaxWeight),
		CachedWeight: between(0, s.CachedWeight, 1),
		Reserve:      between(0, s.Reserve, MaxReserve),
		Window:       min(max(orDefault(s.Window, DefaultWindow), minWindow), maxWindow),
		History:      min(max(orDefault(s.History, DefaultHistory), MinHistory), MaxHistory),
		Horizon:      max(orDefault(s.Horizon, DefaultHorizon), MinHorizon),
	}
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

// between returns the nearest number of a range; the least one for one that is none.
func between(least, n, most float64) float64 {
	if !(n > least) {
		return least
	}
	return min(n, most)
}

// recent returns the buckets of the level.
func (s *Settings) recent() series {
	return newSeries(max(second, instant.Time(s.Window)/maxSeconds), s.Window)
}

// past returns the buckets of the deviation.
func (s *Settings) past() series { return newSeries(bin, s.History) }
