package replica

import (
	"time"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
)

// Age is how long ago something was, in milliseconds; negative: it never was.
type Age int64

// Never is the age of what never was.
const Never Age = -1

// AgeOf returns the age of a moment.
func AgeOf(at, now instant.Time) Age {
	if at == instant.Never {
		return Never
	}
	return Age(max(now-at, 0) / instant.Time(time.Millisecond))
}

// At returns the moment that was an age ago.
func (a Age) At(now instant.Time) instant.Time {
	switch {
	case a < 0:
		return instant.Never
	case instant.Time(a) > now/instant.Time(time.Millisecond):
		return instant.Never + 1
	}
	return max(now-instant.Time(a)*instant.Time(time.Millisecond), instant.Never+1)
}
