package hold

import (
	"time"
)

// Why proxies are told to ask, the values of the metric label "reason".
const (
	armNew     = "new"    // nothing is known of the backend yet
	armEmpty   = "empty"  // it has no endpoint
	armQuiet   = "quiet"  // no request came for a while: the last endpoint may go soon
	armPinned  = "pinned" // a maintenance page answers everything
	armRemains = ""       // no change
)

// arm decides whether proxies ask before they route. Asking costs a request some hundred
// microseconds and is needed at the edge to zero only, so a busy backend is disarmed; but it
// must be armed long before its last endpoint goes, so a quiet one is armed.
func (b *backend) arm(now time.Time) {
	reason := b.wantsArmed(now)
	switch {
	case reason != armRemains && !b.armed:
		b.armed = true
		b.options().Metrics.arms.WithLabelValues(reason).Inc()
	case reason == armRemains && b.armed && b.mayDisarm(now):
		b.armed, b.disarmedAt = false, now
		b.options().Metrics.disarms.Inc()
		// Quiet begins now.
		b.alarm(now.Add(b.options().Timing.Quiet))
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.traffic = traffic{}
}

// wantsArmed returns why the backend must be armed.
func (b *backend) wantsArmed(now time.Time) string {
	switch {
	case b.toldHold == "":
		return armNew
	case !b.gateway.ready:
		return armRemains
	case b.current == nil || b.current.empty():
		return armEmpty
	case b.pinned():
		return armPinned
	case !b.armed && b.quiet(now):
		return armQuiet
	default:
		return armRemains
	}
}

// pinned reports whether every request must be asked about.
func (b *backend) pinned() bool {
	for _, key := range b.gateway.demands[b.name] {
		if s := b.options().Catalog.Get(key); s != nil && s.Maintenance != nil {
			return true
		}
	}
	return false
}

// quiet reports whether no request came for a while, and comes back when it may be so. What is
// not known counts as quiet: an armed backend costs time, a disarmed one requests.
func (b *backend) quiet(now time.Time) bool {
	last := b.disarmedAt
	for _, key := range b.gateway.demands[b.name] {
		if at, known := b.options().LastArrival(key); known && at.After(last) {
			last = at
		}
	}
	if until := last.Add(b.options().Timing.Quiet); until.After(now) {
		b.alarm(until)
		return false
	}
	return true
}

// mayDisarm reports whether there is traffic that proxies can route without asking: nobody
// waits, and all of them have the endpoints.
func (b *backend) mayDisarm(now time.Time) bool {
	timing := &b.options().Timing
	b.mu.Lock()
	wanted := b.open && b.held == 0 && b.traffic.enough(now, timing)
	b.mu.Unlock()
	if !wanted {
		return false
	}
	if until := b.disarmedAt.Add(timing.DisarmPause); until.After(now) {
		b.alarm(until)
		return false
	}
	_, everyone := b.look()
	return everyone
}

// traffic is a period of requests without a gap.
type traffic struct {
	first, last time.Time
	answers     int
}

func (t *traffic) note(now time.Time) {
	if now.Sub(t.last) > busyGap {
		t.first, t.answers = now, 0
	}
	t.last = now
	t.answers++
}

// enough reports whether requests come, and do so for long enough.
func (t *traffic) enough(now time.Time, timing *Timing) bool {
	return t.answers > 0 && now.Sub(t.last) <= busyGap &&
		(t.answers >= timing.DisarmAnswers || t.last.Sub(t.first) >= timing.DisarmAfter)
}
