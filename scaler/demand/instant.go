package demand

import "time"

// instant is a moment on the clock of this replica, in nanoseconds since an epoch before the
// registry began. Moments of other machines are never compared with it: they arrive as ages.
type instant int64

// never is before everything.
const never instant = 0

// past is how long before the registry began the epoch is, so that ages do not lead below never.
const past = instant(24 * time.Hour)

func (b *Registry) now() instant { return instant(b.options.Clock.Since(b.epoch)) }

// wall returns the moment as people read it; the zero time for never.
func (b *Registry) wall(at instant) time.Time {
	if at == never {
		return time.Time{}
	}
	return b.epoch.Add(time.Duration(at))
}

func (i instant) seconds() float64 { return time.Duration(i).Seconds() }
