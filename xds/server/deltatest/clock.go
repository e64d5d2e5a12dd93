package deltatest

import (
	"sync"
	"time"

	"github.com/kedify/inference-gateway/xds/publish"
)

// Clock is a publish.Clock that stands still until it is advanced.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	timers map[*timer]struct{}
}

type timer struct {
	clock *Clock
	at    time.Time
	call  func()
}

// NewClock returns a clock that stands at an arbitrary time.
func NewClock() *Clock {
	return &Clock{now: time.Unix(1_800_000_000, 0), timers: map[*timer]struct{}{}}
}

// Now implements publish.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc implements publish.Clock.
func (c *Clock) AfterFunc(d time.Duration, f func()) publish.Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{clock: c, at: c.now.Add(d), call: f}
	c.timers[t] = struct{}{}
	return t
}

// Stop implements publish.Timer.
func (t *timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, pending := t.clock.timers[t]
	delete(t.clock.timers, t)
	return pending
}

// Advance moves the time and calls what became due.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	var due []*timer
	for t := range c.timers {
		if !t.at.After(c.now) {
			due = append(due, t)
			delete(c.timers, t)
		}
	}
	c.mu.Unlock()
	for _, t := range due {
		t.call()
	}
}
