package counter

import (
	"time"

	"github.com/kedify/inference-gateway/scaler/demand/instant"
)

const (
	// LastGood is how long the last numbers of a gateway count after all of its proxies are
	// gone or silent.
	LastGood = 15 * time.Second
	// Gathering is how long the proxies of a gateway may take to find a control plane that
	// was away: the longest pause of Envoy between two attempts (3 s) and one flush.
	Gathering = 4 * time.Second
)

// Coverage is up to when the numbers of a gateway are known.
type Coverage struct {
	// AsOf is until when the numbers are good; Never: nothing is known.
	AsOf instant.Time
	// Frozen: no proxy reports, and AsOf is the last report.
	Frozen bool
	// Due: a proxy is gone for so long that its requests in flight are to be dropped.
	Due bool
	// Why says what is missing when AsOf is Never.
	Why string
}

// Tally adds up the processes of one gateway. The zero value has none.
type Tally struct {
	any, heard, measured, due bool
	newest                    instant.Time
}

// Add adds a process.
func (c *Tally) Add(p *Process, now instant.Time, t Timing) {
	heard := p.Heard(now, t)
	c.any = true
	c.heard = c.heard || heard
	c.measured = c.measured || heard && p.Measured
	c.due = c.due || p.Due(now, t)
	if p.Measured {
		c.newest = max(c.newest, p.Last)
	}
}

// Coverage returns what is known. began is when the first proxy was seen that had counted
// before: others may still be on their way. Never: all are known.
func (c *Tally) Coverage(began, now instant.Time) (k Coverage) {
	gathered := func(at instant.Time) bool {
		return began == instant.Never || at-began >= instant.Time(Gathering)
	}
	switch {
	case c.measured && gathered(now):
		k.AsOf = now
	case c.newest != instant.Never && gathered(c.newest) && now-c.newest <= instant.Time(LastGood):
		k.AsOf, k.Frozen = c.newest, true
	case !c.any:
		k.Why = "no proxy has reported"
	case c.heard:
		k.Why = "its proxies have just begun to report"
	default:
		k.Why = "its proxies are silent"
	}
	// While the last numbers count, they stay as they are.
	k.Due = c.due && (c.heard || k.AsOf == instant.Never)
	return k
}
