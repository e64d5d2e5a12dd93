package window

import (
	"time"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
)

const (
	// defaultWindow and defaultGranularity are those of the trigger.
	defaultWindow, defaultGranularity = time.Minute, time.Second
	// minGranularity and maxBuckets bound the memory of a rate.
	minGranularity = 100 * time.Millisecond
	maxBuckets     = 3600
	// maxLoadWindow is over how much time concurrency is averaged at most: the HPA's period.
	maxLoadWindow = 15 * time.Second
	// loadWidth is the time of one average of the concurrency, see Traffic.Peak.
	loadWidth = time.Second
)

// Sizes are the windows that a trigger asks for. They are immutable.
type Sizes struct {
	// Window is that of the rate, in buckets of a width.
	Window, width instant.Time
	size          int64
	// Load is the window of the concurrency.
	Load     instant.Time
	loadSize int64
	// floor is the shortest time that a number is taken over.
	floor instant.Time
}

// NewSizes reads the window and the granularity of a trigger. A value that admission would refuse
// is replaced by the nearest valid one, because requests must be counted with any settings.
func NewSizes(window, width, floor time.Duration) Sizes {
	if window <= 0 {
		window = defaultWindow
	}
	window = max(window, floor)
	if width <= 0 {
		width = defaultGranularity
	}
	width = max(min(width, window/2), minGranularity, window/maxBuckets)
	s := Sizes{Window: instant.Time(window), width: instant.Time(width), floor: instant.Time(floor)}
	s.size = int64((window+width-1)/width) + 2 // the bucket that fills, and the one that leaves
	s.Load = instant.Time(max(min(window, maxLoadWindow), floor))
	s.loadSize = int64(s.Load/instant.Time(loadWidth)) + 2
	return s
}

// SameBuckets reports whether what was counted with other sizes can stay as it is.
func (s *Sizes) SameBuckets(other *Sizes) bool {
	return s.width == other.width && s.size == other.size && s.loadSize == other.loadSize
}
