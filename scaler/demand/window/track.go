package window

import (
	"github.com/kedify/inference-gateway/scaler/demand/instant"
	"github.com/kedify/inference-gateway/scaler/demand/ring"
)

// Track is a number that changes at known moments, as the held requests do, and its integral.
type Track struct {
	load  ring.Ring
	value int
	last  instant.Time
}

// NewTrack returns a number that is zero.
func NewTrack() Track { return Track{load: ring.New(instant.Time(loadWidth), maxProfile)} }

// Set changes the number.
func (t *Track) Set(at instant.Time, value int) {
	if at > t.last {
		if t.value != 0 {
			t.load.Add(t.last, at, float64(t.value)*(at-t.last).Seconds())
		}
		t.last = at
	}
	t.value = value
}

// Value returns the number, Last when it changed last.
func (t *Track) Value() int { return t.value }

// Last returns when the number changed last.
func (t *Track) Last() instant.Time { return t.last }

// Trim drops the memory of what the number was.
func (t *Track) Trim() { t.load.Clear() }
