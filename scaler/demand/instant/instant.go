// Package instant is moments on the clock of one replica.
//
// Job: one type for moments that can be added, compared and divided, so that a duration of
// another machine's clock is never compared with them.
// Inputs: none. Outputs: Time.
// Ownership: pure values.
package instant

import "time"

// Time is a moment on the clock of this replica, in nanoseconds since an epoch that is before
// everything that is counted. Moments of other machines arrive as ages.
type Time int64

// Never is before every other moment.
const Never Time = 0

// Seconds returns the time since the epoch, or the length of a difference, in seconds.
func (t Time) Seconds() float64 { return time.Duration(t).Seconds() }
