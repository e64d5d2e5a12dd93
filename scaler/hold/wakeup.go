package hold

import (
	"time"

	"github.com/kedify/inference-gateway/xds/publish"
)

// wakeup is the next time at which a backend must be looked at although nothing happens.
type wakeup struct {
	at    time.Time // zero: never
	timer publish.Timer
}

// by makes it no later than a time; zero: as it is.
func (w *wakeup) by(at time.Time) { w.at = earlier(w.at, at) }

// set replaces the timer.
func (w *wakeup) set(clock publish.Clock, call func()) {
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	if !w.at.IsZero() {
		w.timer = clock.AfterFunc(max(w.at.Sub(clock.Now()), 0), call)
	}
}

// earlier returns the earlier of two times; a zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
